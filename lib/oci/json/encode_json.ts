import type { JsonValue } from "./strict_json.ts";

/** What {@linkcode encodeJson} takes: like {@linkcode JsonValue}; keys whose value is `undefined` are left out. */
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
 * Writes JSON without white space, keys in the order that the object has, so that the same value gives
 * the same bytes on every machine.
 *
 * @throws {RangeError} on a number that JSON has not (NaN, infinite)
 */
export function encodeJson(value: Encodable | JsonValue): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(jsonText(value));
}

/** The same, as text. */
export function jsonText(value: Encodable | JsonValue): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new RangeError(`Cannot write JSON: ${value} is no JSON number`);
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

/** A map of strings with its keys sorted by code units, or `undefined` when it is empty. */
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
