import { escapeJson } from "../../bytes/mod.ts";
import type { Io } from "../io.ts";

/** Most values that are written in one part. */
const PART = 256;

/**
 * A value as one JSON document, in parts, with a newline at its end. The text of a large document is never in memory as
 * a whole.
 *
 * A generator, as the value or as a property of it, becomes an array with one element per line. It is read while the
 * parts are written, so a list of a million paths is never in memory as a whole.
 */
export function* jsonParts(value: unknown): Generator<string> {
  if (isGenerator(value)) yield* array(value);
  else if (isObject(value) && Object.values(value).some(isGenerator)) yield* object(value);
  else yield* indented(value, "");
  yield "\n";
}

/** What `JSON.stringify` writes with an indentation of 2, in parts. `pad` is what begins each line. */
function* indented(value: unknown, pad: string): Generator<string> {
  if (typeof value !== "object" || value === null || valuesOf(value, PART) <= PART) {
    yield escapeJson(JSON.stringify(value, exact, 2).replaceAll("\n", `\n${pad}`));
    return;
  }
  const isList = Array.isArray(value);
  const inner = `${pad}  `;
  let separator = isList ? "[" : "{";
  for (const [key, one] of Object.entries(value)) {
    if (one === undefined && !isList) continue;
    const name = isList ? "" : `${escapeJson(JSON.stringify(key))}: `;
    yield `${separator}\n${inner}${name}`;
    yield* indented(one ?? null, inner);
    separator = ",";
  }
  yield `\n${pad}${isList ? "]" : "}"}`;
}

/** Number of values in a value, itself included; some number above `most` when there are more. */
function valuesOf(value: unknown, most: number): number {
  if (typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const key in value) {
    count += valuesOf((value as Record<string, unknown>)[key], most - count);
    if (count > most) break;
  }
  return count;
}

/** Writes a list while its values come: as a JSON array, one value on each line, or by a template. */
export async function writeList(
  io: Io,
  values: AsyncIterable<unknown>,
  template: Lines | undefined,
): Promise<void> {
  let separator = "[\n";
  for await (const value of values) {
    await io.stdout(template === undefined ? separator + text(value) : template.line(value));
    separator = ",\n";
  }
  if (template !== undefined) template.finish();
  else await io.stdout(separator === "[\n" ? "[]\n" : "\n]\n");
}

/** What makes lines of values: a `Template`. */
export interface Lines {
  line(value: unknown): string;
  finish(): void;
}

/** A value as JSON on one line. Bigints keep all of their digits. */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, exact);
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

function text(value: unknown): string {
  return escapeJson(exactJson(value));
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
