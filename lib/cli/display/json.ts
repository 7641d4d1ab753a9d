import { printableJson } from "./printable.ts";

/**
 * A value as one JSON document, in parts, with a newline at its end.
 *
 * A generator, as the value or as a property of it, is written as an array with one element a
 * line, as it comes: a list of a million paths is never in memory as a whole.
 */
export function* jsonParts(value: unknown): Generator<string> {
  if (isGenerator(value)) yield* array(value);
  else if (isObject(value) && Object.values(value).some(isGenerator)) yield* object(value);
  else yield text(value, 2);
  yield "\n";
}

function* array(values: Iterable<unknown>): Generator<string> {
  let separator = "[\n";
  for (const value of values) {
    yield separator + text(value);
    separator = ",\n";
  }
  yield separator === "[\n" ? "[]" : "\n]";
}

function* object(value: Readonly<Record<string, unknown>>): Generator<string> {
  let separator = "{\n";
  for (const [key, one] of Object.entries(value)) {
    yield `${separator}${JSON.stringify(key)}: `;
    if (isGenerator(one)) yield* array(one);
    else yield text(one);
    separator = ",\n";
  }
  yield "\n}";
}

function text(value: unknown, indent?: number): string {
  return printableJson(JSON.stringify(value, exact, indent));
}

/** ECMAScript 2026, not yet in the types. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** Integers that a double does not hold are written digit by digit. */
function exact(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJSON(value.toString()) : value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isGenerator(value: unknown): value is Iterable<unknown> {
  return isObject(value) && Symbol.iterator in value;
}
