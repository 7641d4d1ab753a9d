import type { JsonValue } from "./strict_json.ts";

/**
 * Input of {@linkcode encodeJson}: a {@linkcode JsonValue} whose
 * objects may hold `undefined`, which is left out.
 */
export type Encodable =
  | null
  | boolean
  | number
  | bigint
  | string
  | undefined
  | readonly Encodable[]
  | { readonly [key: string]: Encodable };

/**
 * Writes JSON as UTF-8, without white space and with keys in the order of the object. The same value
 * gives the same bytes on every machine.
 *
 * @throws {RangeError} for a number that JSON cannot hold (NaN, infinity)
 */
export function encodeJson(value: Encodable | JsonValue): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(jsonText(value));
}

/**
 * Writes JSON as {@linkcode encodeJson} does, but as text.
 *
 * @throws {RangeError} for a number that JSON cannot hold (NaN, infinity)
 */
export function jsonText(value: Encodable | JsonValue): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new RangeError(`Cannot write JSON: ${value} is not a JSON number`);
  }
  if (value === null || value === undefined || typeof value !== "object") {
    return JSON.stringify(value ?? null);
  }
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item)).join(",")}]`;
  const parts: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) parts.push(`${JSON.stringify(key)}:${jsonText(item)}`);
  }
  return `{${parts.join(",")}}`;
}

/**
 * Sorts the keys of a map by code units. Returns `undefined` for an empty map, so that its field is
 * left out.
 */
export function sortedMap(
  map: Readonly<Record<string, string>> | undefined,
): Record<string, string> | undefined {
  if (map === undefined) return undefined;
  const keys = Object.keys(map).sort();
  if (keys.length === 0) return undefined;
  const out = Object.create(null) as Record<string, string>;
  for (const key of keys) out[key] = map[key] as string;
  return out;
}

/**
 * Formats a time (in ms since the epoch) as image documents do: RFC 3339 in UTC, without `.000`.
 */
export function documentTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.000Z$/, "Z");
}
