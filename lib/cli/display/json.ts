import { escapeJson } from "../../bytes/mod.ts";

/**
 * A value as one JSON document, in parts, with a newline at its end.
 *
 * A generator, as the value or as a property of it, becomes an array with one element per line. It is read while the
 * parts are written, so a list of a million paths is never in memory as a whole.
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
  return escapeJson(JSON.stringify(value, exact, indent));
}

/** From ECMAScript 2026; TypeScript's types do not have it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** Writes a bigint as a JSON number with all of its digits. */
function exact(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJSON(value.toString()) : value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isGenerator(value: unknown): value is Iterable<unknown> {
  return isObject(value) && Symbol.iterator in value;
}
