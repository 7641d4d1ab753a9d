import { type ByteString, fromBytes, type Timestamp } from "../../bytes/mod.ts";
import { parsePaxTime } from "./numeric_fields.ts";
import { tarError } from "./parse_header.ts";

/** The records of a PAX header. When a key occurs twice, its last value is used. */
export interface PaxHeader {
  /** The modification time; `null` when the record is malformed, `undefined` when there is none. */
  mtime: Timestamp | null | undefined;
  /** Whether the access time is malformed. Its value is not needed. */
  badAtime: boolean;
  /** Whether the change time is malformed. Its value is not needed. */
  badCtime: boolean;
  /** All other records. */
  records: PaxRecords;
  /** The offsets and lengths of sparse format 0.0, in the order of their records. */
  sparseMap: readonly string[];
}

/** PAX records by key. Values may be empty. */
export type PaxRecords = ReadonlyMap<string, ByteString>;

/** Shared by all headers that hold only times, as most do. */
const NO_RECORDS: PaxRecords = new Map();
const NO_MAP: readonly string[] = [];

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** Length in bytes of the shortest record: `5 k=\n`. */
const MIN_RECORD = 5;

/** Keys whose values become C strings in other readers, where a NUL hides the rest of the value. */
const STRING_KEYS: ReadonlySet<string> = new Set([
  "path",
  "linkpath",
  "uname",
  "gname",
  "GNU.sparse.name",
]);

/**
 * Parses the records of a PAX header, `bytes[from, to)`. A record is `length key=value\n`; the
 * length is decimal and counts the whole record. Every record has a length above 0, so the loop
 * ends.
 *
 * GNU's sparse format 0.0 repeats the keys of offsets and lengths. Their values are joined into one
 * list, as format 0.1 has it.
 *
 * Source: POSIX.1-2017, pax, "pax Extended Header".
 *
 * @param position offset of the header in the archive, for messages
 * @throws {VarveError} `E_HEADER` when a record is malformed
 */
export function parsePax(
  bytes: Uint8Array,
  from: number,
  to: number,
  position: number,
): PaxHeader {
  const header: PaxHeader = {
    mtime: undefined,
    badAtime: false,
    badCtime: false,
    records: NO_RECORDS,
    sparseMap: NO_MAP,
  };
  for (let at = from; at < to;) {
    const length = lengthAt(bytes, at, to, position);
    const start = at + digitsOf(length) + 1;
    const end = at + length - 1;
    if (start >= end) throw tarError(position, "the length of a PAX record is too small");
    if (bytes[end] !== NEWLINE) throw tarError(position, "a PAX record does not end in a newline");
    const equals = bytes.indexOf(EQUALS, start);
    if (equals < 0 || equals >= end) throw tarError(position, "a PAX record has no =");
    if (equals === start) throw tarError(position, "a PAX record has no key");
    addRecord(header, bytes, start, equals, end, position);
    at = end + 1;
  }
  if (header.sparseMap.length > 0) {
    setRecord(header, "GNU.sparse.map", header.sparseMap.join(",") as ByteString);
  }
  return header;
}

function addRecord(
  header: PaxHeader,
  bytes: Uint8Array,
  start: number,
  equals: number,
  end: number,
  position: number,
): void {
  const key = keyOf(bytes, start, equals);
  if (key === "mtime" || key === "atime" || key === "ctime") {
    // An empty value means the time of the header itself.
    const time = equals + 1 === end ? undefined : parsePaxTime(bytes, equals + 1, end) ?? null;
    if (key === "mtime") header.mtime = time;
    else if (key === "atime") header.badAtime = time === null;
    else header.badCtime = time === null;
    return;
  }
  const value = fromBytes(bytes, equals + 1, end);
  if (key.includes("\0")) throw tarError(position, "a PAX key holds a NUL");
  if (STRING_KEYS.has(key) && value.includes("\0")) {
    throw tarError(position, `the PAX value of ${key} holds a NUL`);
  }
  if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
    const { sparseMap } = header;
    const expected = sparseMap.length % 2 === 0 ? "GNU.sparse.offset" : "GNU.sparse.numbytes";
    if (key !== expected || value.includes(",")) {
      throw tarError(position, "the sparse map of the PAX header is out of order");
    }
    if (sparseMap === NO_MAP) header.sparseMap = [value];
    else (sparseMap as string[]).push(value);
  } else {
    setRecord(header, key, value);
  }
}

function setRecord(header: PaxHeader, key: string, value: ByteString): void {
  if (header.records === NO_RECORDS) header.records = new Map([[key, value]]);
  else (header.records as Map<string, ByteString>).set(key, value);
}

/** The most common keys. They are compared as bytes, so that no string is made for each key. */
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

/**
 * Parses the length of a record. A sign or a leading zero is refused, because no writer makes it,
 * and readers disagree on it.
 */
function lengthAt(bytes: Uint8Array, at: number, to: number, position: number): number {
  let length = 0;
  for (let i = at; i < to && bytes[i] !== SPACE; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9 || (digit === 0 && i === at)) {
      throw tarError(position, "the length of a PAX record is not a number");
    }
    length = length * 10 + digit;
    if (length > to - at) throw tarError(position, "a PAX record is truncated");
  }
  if (length < MIN_RECORD) throw tarError(position, "the length of a PAX record is too small");
  return length;
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}
