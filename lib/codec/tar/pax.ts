import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { tarError } from "./header.ts";

/** The records of a PAX header; of a key that comes twice the last one counts. */
export type PaxRecords = Map<string, ByteString>;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** The shortest record is `5 k=\n`. */
const MIN_RECORD = 5;

/** Keys whose values become C strings: a NUL in them would hide what follows. */
const STRING_KEYS: ReadonlySet<string> = new Set([
  "path",
  "linkpath",
  "uname",
  "gname",
  "GNU.sparse.name",
]);

/**
 * Reads the records of a PAX header: `length key=value\n`, the length in
 * decimal and counting itself. Every record moves forward, so it ends.
 *
 * The offsets of GNU's sparse format 0.0, the one thing that repeats keys, come
 * out as the map of format 0.1.
 *
 * Source: POSIX.1-2017, pax, "pax Extended Header".
 *
 * @param position where the header stands, for messages
 * @throws {VarveError} `E_HEADER` when a record is malformed
 */
export function parsePax(bytes: Uint8Array, position: number): PaxRecords {
  const records: PaxRecords = new Map();
  let sparseMap: string[] | undefined;
  let at = 0;
  while (at < bytes.length) {
    const { start, end } = recordAt(bytes, at, position);
    const equals = bytes.indexOf(EQUALS, start);
    if (equals < 0 || equals >= end) throw tarError(position, "a PAX record has no =");
    if (equals === start) throw tarError(position, "a PAX record has no key");
    const key = keyOf(bytes, start, equals);
    const value = fromBytes(bytes, equals + 1, end);
    if (key.includes("\0")) throw tarError(position, "a PAX key holds a NUL");
    if (STRING_KEYS.has(key) && value.includes("\0")) {
      throw tarError(position, `the PAX value of ${key} holds a NUL`);
    }
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
      sparseMap ??= [];
      const expected = sparseMap.length % 2 === 0 ? "GNU.sparse.offset" : "GNU.sparse.numbytes";
      if (key !== expected || value.includes(",")) {
        throw tarError(position, "the sparse map of the PAX header is out of order");
      }
      sparseMap.push(value);
    } else {
      records.set(key, value);
    }
    at = end + 1;
  }
  if (sparseMap !== undefined) records.set("GNU.sparse.map", sparseMap.join(",") as ByteString);
  return records;
}

/** The keys that come with most entries: found by their bytes, without a string for each. */
const COMMON_KEYS: readonly string[] = ["mtime", "atime", "ctime", "path", "linkpath", "size"];

function keyOf(bytes: Uint8Array, start: number, end: number): string {
  for (const key of COMMON_KEYS) {
    if (key.length !== end - start) continue;
    let i = 0;
    while (i < key.length && bytes[start + i] === key.charCodeAt(i)) i++;
    if (i === key.length) return key;
  }
  return fromBytes(bytes, start, end);
}

/** The bounds of a record's `key=value`; behind `end` stands its newline. */
function recordAt(
  bytes: Uint8Array,
  at: number,
  position: number,
): { start: number; end: number } {
  let length = 0;
  let i = at;
  for (; bytes[i] !== SPACE; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    // A sign or a leading zero is no length that a writer gives, but one that readers read differently.
    if (digit < 0 || digit > 9 || (digit === 0 && i === at)) {
      throw tarError(position, "the length of a PAX record is not a number");
    }
    length = length * 10 + digit;
    if (length > bytes.length - at) throw tarError(position, "a PAX record is cut");
  }
  const end = at + length - 1;
  if (length < MIN_RECORD || i + 1 > end) {
    throw tarError(position, "the length of a PAX record is too small");
  }
  if (bytes[end] !== NEWLINE) throw tarError(position, "a PAX record does not end in a newline");
  return { start: i + 1, end };
}
