import {
  type ByteString,
  compareBytes,
  EPOCH,
  escapeForTerminal,
  secondsAsNumber,
  secondsOf,
  type Timestamp,
  toValidText,
  writeBytes,
} from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Entry, EntryType } from "../../layer/mod.ts";
import type { Xattr } from "../../tree/mod.ts";
import { BLOCK, tarPadding, TYPE } from "./format.ts";
import { NAME_BYTES } from "./header_words.ts";
import { DEFAULT_TAR_LIMITS } from "./limits.ts";

/** An entry to be written: an {@linkcode Entry} without the place of its content. */
export type TarEntry = Omit<Entry, "extents">;

const TYPEFLAGS: Readonly<Record<EntryType, number>> = {
  file: TYPE.FILE,
  hardlink: TYPE.HARDLINK,
  symlink: TYPE.SYMLINK,
  char: TYPE.CHAR,
  block: TYPE.BLOCK,
  directory: TYPE.DIRECTORY,
  fifo: TYPE.FIFO,
};

const PREFIX_BYTES = 155;

/** Bytes of a new buffer: enough for an entry with a PAX header of 3 KiB. */
const BUFFER_BYTES = 4096;

/** The records of a PAX header, not sorted yet. */
type Records = [key: ByteString, value: ByteString][];

/**
 * Encodes the header of an entry: one ustar block. A PAX header precedes it only when ustar cannot
 * hold all values. The same entry always gives the same bytes.
 *
 * PAX holds the values that ustar cannot hold: long names and names that are not ASCII, xattrs,
 * numbers that are too large, and times with nanoseconds or before the epoch. Large numbers are
 * also written into the ustar field, in base-256, so that no two readers see different numbers. A
 * name that is not UTF-8 is written as its bytes with `hdrcharset=BINARY`, as POSIX defines it. An
 * xattr whose name holds a `=` is written in libarchive's spelling, because the spelling of SCHILY
 * cannot hold it.
 *
 * @throws {RangeError} when a tar archive cannot hold a value
 * @throws {VarveError} `E_LIMIT` when the PAX header is larger than readers accept (1 MiB)
 */
export function encodeTarHeader(entry: TarEntry): Uint8Array<ArrayBuffer> {
  return new HeaderEncoder().encode(entry).slice();
}

/** Encodes headers as {@linkcode encodeTarHeader} does, one after another into the same buffer. */
export class HeaderEncoder {
  #buffer = new Uint8Array(BUFFER_BYTES);

  /**
   * Encodes the header of an entry. The bytes are valid until the next call: a new buffer for each
   * of a million headers would cost more memory than the collector frees in time.
   */
  encode(entry: TarEntry): Uint8Array<ArrayBuffer> {
    check(entry);
    const records = recordsOf(entry);
    const pax = sizeOf(records);
    if (pax > DEFAULT_TAR_LIMITS.metaHeaderBytes) throw tooLarge(entry);
    const paxBytes = pax === 0 ? 0 : BLOCK + pax + tarPadding(pax);
    const out = this.#cleared(paxBytes + BLOCK);
    if (pax > 0) {
      writeBlock(out, 0, { ...PAX_HEADER, size: pax });
      writeRecords(records, out, BLOCK);
    }
    writeBlock(out, paxBytes, {
      ...splitUstarPath(entry.path) ?? cutUstarPath(entry.path),
      linkname: entry.linkname,
      typeflag: TYPEFLAGS[entry.type],
      mode: entry.mode,
      size: entry.size,
      uid: entry.uid,
      gid: entry.gid,
      mtime: entry.mtime,
      devmajor: entry.devmajor,
      devminor: entry.devminor,
    });
    return out;
  }

  /** `length` zeros of the buffer. */
  #cleared(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
    return this.#buffer.subarray(0, length).fill(0);
  }
}

function check(entry: TarEntry): void {
  const fail = (what: string) =>
    new RangeError(`Cannot write tar entry ${escapeForTerminal(entry.path)}: ${what}`);
  if (entry.path === "" || entry.path.includes("\0")) {
    throw fail("the path is empty or holds a NUL");
  }
  const isLink = entry.type === "hardlink" || entry.type === "symlink";
  if (isLink ? entry.linkname === "" || entry.linkname.includes("\0") : entry.linkname !== "") {
    throw fail("the link target is empty, holds a NUL, or the entry is not a link");
  }
  if (!(Number.isSafeInteger(entry.size) && entry.size >= 0)) {
    throw fail("the size is not a safe integer of at least 0");
  }
  if (entry.size > 0 && entry.type !== "file") throw fail("only a file can have content");
  if (!fitsOctal(entry.mode, 8)) throw fail("the mode is out of range");
  if (!fitsOctal(entry.devmajor, 8) || !fitsOctal(entry.devminor, 8)) {
    throw fail("the device number is out of range");
  }
  if (!Number.isSafeInteger(entry.uid) || !Number.isSafeInteger(entry.gid)) {
    throw fail("the owner is out of range");
  }
  for (const { name } of entry.xattrs) {
    if (name === "" || name.includes("\0")) {
      throw fail("the name of an xattr is empty or holds a NUL");
    }
  }
}

function tooLarge(entry: TarEntry): VarveError {
  return new VarveError(
    "E_LIMIT",
    `Cannot write tar entry ${escapeForTerminal(entry.path)}: its extended header exceeds 1 MiB`,
    { expected: DEFAULT_TAR_LIMITS.metaHeaderBytes },
  );
}

function recordsOf(entry: TarEntry): Records {
  const records: Records = [];
  const add = (key: string, value: string) =>
    records.push([key as ByteString, value as ByteString]);
  if (splitUstarPath(entry.path) === undefined || !isAscii(entry.path)) add("path", entry.path);
  if (entry.linkname.length > NAME_BYTES || !isAscii(entry.linkname)) {
    add("linkpath", entry.linkname);
  }
  if (records.some(([, value]) => !isUtf8(value))) add("hdrcharset", "BINARY");
  if (!fitsOctal(entry.uid, 8)) add("uid", `${entry.uid}`);
  if (!fitsOctal(entry.gid, 8)) add("gid", `${entry.gid}`);
  if (!fitsOctal(entry.size, 12)) add("size", `${entry.size}`);
  if (entry.mtime.ns !== 0 || !fitsOctal(secondsAsNumber(entry.mtime), 12)) {
    add("mtime", paxTime(entry.mtime));
  }
  for (const xattr of entry.xattrs) records.push(xattrRecord(xattr));
  return records;
}

function xattrRecord({ name, value }: Xattr): [ByteString, ByteString] {
  if (!name.includes("=")) return [`SCHILY.xattr.${name}` as ByteString, value];
  const encoded = name.replace(
    /[%=]|[^!-~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  const base64 = btoa(value).replace(/=+$/, "");
  return [`LIBARCHIVE.xattr.${encoded}` as ByteString, base64 as ByteString];
}

/**
 * Formats a PAX time. The sign of a PAX time applies to seconds and fraction: −2 s plus 0.75 s is
 * written as −1.25.
 */
function paxTime(time: Timestamp): string {
  const seconds = secondsOf(time);
  const fraction = (ns: number) => `.${`${ns}`.padStart(9, "0")}`.replace(/\.?0+$/, "");
  if (seconds >= 0n || time.ns === 0) return `${seconds}${fraction(time.ns)}`;
  return `-${-seconds - 1n}${fraction(1_000_000_000 - time.ns)}`;
}

/** Bytes of all records. */
function sizeOf(records: Records): number {
  let size = 0;
  for (const [key, value] of records) size += recordLength(key, value);
  return size;
}

/** Writes the records, sorted by key. A record is `length key=value\n`. */
function writeRecords(records: Records, out: Uint8Array, start: number): void {
  records.sort(([a], [b]) => compareBytes(a, b));
  let at = start;
  for (const [key, value] of records) {
    at = writeBytes(`${recordLength(key, value)} ` as ByteString, out, at);
    at = writeBytes(key, out, at);
    out[at++] = 0x3d;
    at = writeBytes(value, out, at);
    out[at++] = 0x0a;
  }
}

/** Length of a whole record in bytes, including the digits of this length. */
function recordLength(key: ByteString, value: ByteString): number {
  const rest = key.length + value.length + 3;
  let length = rest + 1;
  while (`${length}`.length + rest !== length) length = `${length}`.length + rest;
  return length;
}

/** Splits a path into the name and prefix fields of ustar; `undefined` when it does not fit. */
function splitUstarPath(path: ByteString): { name: ByteString; prefix: ByteString } | undefined {
  if (path.length <= NAME_BYTES) return { name: path, prefix: "" as ByteString };
  const at = path.lastIndexOf("/", Math.min(PREFIX_BYTES, path.length - 2));
  if (at <= 0 || path.length - at - 1 > NAME_BYTES) return undefined;
  return { name: path.slice(at + 1) as ByteString, prefix: path.slice(0, at) as ByteString };
}

/** The fields for a path that does not fit. Readers that do not know PAX see a shortened name. */
function cutUstarPath(path: ByteString): { name: ByteString; prefix: ByteString } {
  return { name: path.slice(0, NAME_BYTES) as ByteString, prefix: "" as ByteString };
}

function isAscii(text: ByteString): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function isUtf8(value: ByteString): boolean {
  return isAscii(value) || toValidText(value) !== undefined;
}

/** Whether a number fits an octal field of `field` bytes, the last of which is a NUL. */
function fitsOctal(value: number, field: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 8 ** (field - 1);
}

/** The fields of a header block. */
interface HeaderFields {
  readonly name: ByteString;
  readonly prefix: ByteString;
  readonly linkname: ByteString;
  readonly typeflag: number;
  readonly mode: number;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  readonly devmajor: number;
  readonly devminor: number;
}

/** The fields of the header of a PAX header, without its size. */
const PAX_HEADER: Omit<HeaderFields, "size"> = {
  // Readers ignore the name, but it must not be empty.
  name: "PaxHeaders.0/entry" as ByteString,
  prefix: "" as ByteString,
  linkname: "" as ByteString,
  typeflag: TYPE.PAX,
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: EPOCH,
  devmajor: 0,
  devminor: 0,
};

function writeBlock(out: Uint8Array, at: number, fields: HeaderFields): void {
  writeBytes(fields.name, out, at);
  writeNumber(out, at + 100, 8, fields.mode);
  writeNumber(out, at + 108, 8, fields.uid);
  writeNumber(out, at + 116, 8, fields.gid);
  writeNumber(out, at + 124, 12, fields.size);
  writeSeconds(out, at + 136, fields.mtime);
  out[at + 156] = fields.typeflag;
  writeBytes(fields.linkname.slice(0, NAME_BYTES) as ByteString, out, at + 157);
  writeBytes("ustar\x0000" as ByteString, out, at + 257);
  writeNumber(out, at + 329, 8, fields.devmajor);
  writeNumber(out, at + 337, 8, fields.devminor);
  writeBytes(fields.prefix, out, at + 345);
  out.fill(0x20, at + 148, at + 156);
  writeOctal(out, at + 148, 7, sumOf(out, at, at + BLOCK));
}

function sumOf(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += bytes[i] as number;
  return sum;
}

function writeSeconds(out: Uint8Array, at: number, time: Timestamp): void {
  const seconds = secondsAsNumber(time);
  if (fitsOctal(seconds, 12)) writeOctal(out, at, 12, seconds);
  else writeBase256(out, at, 12, secondsOf(time));
}

function writeNumber(out: Uint8Array, at: number, length: number, value: number): void {
  if (fitsOctal(value, length)) writeOctal(out, at, length, value);
  else writeBase256(out, at, length, BigInt(value));
}

/** Writes a number as octal digits and a NUL. */
function writeOctal(out: Uint8Array, at: number, length: number, value: number): void {
  out[at + length - 1] = 0;
  let rest = value;
  for (let i = at + length - 2; i >= at; i--) {
    out[i] = 0x30 + rest % 8;
    rest = Math.floor(rest / 8);
  }
}

function writeBase256(out: Uint8Array, at: number, length: number, value: bigint): void {
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    out[at + i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  out[at] = (out[at] as number) | 0x80;
}
