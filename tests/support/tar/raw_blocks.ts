/**
 * Raw tar blocks, made by hand, so that tests can write what no tar program would: any field, any
 * lie, any checksum. And the events of varve's reader as plain values.
 */
import { asByteString, type ByteString, fromText, toBytes } from "../../../lib/bytes/mod.ts";
import { type TarHandler, TarReader, type TarReaderOptions } from "../../../lib/codec/tar/mod.ts";
import type { Entry } from "../../../lib/layer/mod.ts";

/** The fields of a header block; a string is written as it is, a number in octal. */
export interface HeaderFields {
  name?: string;
  mode?: number | string;
  uid?: number | string;
  gid?: number | string;
  size?: number | string;
  mtime?: number | string;
  /** Default: the right one. */
  checksum?: "unsigned" | "signed" | { raw: string };
  type?: string;
  linkname?: string;
  dialect?: "ustar" | "gnu" | "v7" | "star";
  uname?: string;
  gname?: string;
  devmajor?: number | string;
  devminor?: number | string;
  prefix?: string;
  /** Bytes written last, before the checksum: `[offset, bytes]`. */
  patches?: readonly (readonly [number, string])[];
}

/** A header block. Strings have one char a byte. */
export function header(fields: HeaderFields = {}): Uint8Array {
  const block = new Uint8Array(512);
  const dialect = fields.dialect ?? "ustar";
  put(block, 0, fields.name ?? "");
  number(block, 100, 8, fields.mode ?? 0o644);
  number(block, 108, 8, fields.uid ?? 0);
  number(block, 116, 8, fields.gid ?? 0);
  number(block, 124, 12, fields.size ?? 0);
  number(block, 136, 12, fields.mtime ?? 0);
  put(block, 156, fields.type ?? "0");
  put(block, 157, fields.linkname ?? "");
  if (dialect !== "v7") {
    put(block, 257, dialect === "gnu" ? "ustar  \0" : "ustar\x0000");
    put(block, 265, fields.uname ?? "");
    put(block, 297, fields.gname ?? "");
    number(block, 329, 8, fields.devmajor ?? 0);
    number(block, 337, 8, fields.devminor ?? 0);
    put(block, 345, fields.prefix ?? "");
    if (dialect === "star") put(block, 508, "tar\0");
  }
  for (const [offset, bytes] of fields.patches ?? []) put(block, offset, bytes);
  putChecksum(block, fields.checksum ?? "unsigned");
  return block;
}

/** Writes the checksum of a block that was changed by hand. */
export function putChecksum(
  block: Uint8Array,
  checksum: "unsigned" | "signed" | { raw: string } = "unsigned",
): void {
  block.fill(0x20, 148, 156);
  if (typeof checksum === "object") return put(block, 148, checksum.raw);
  let sum = 0;
  for (const byte of block) sum += checksum === "signed" && byte > 127 ? byte - 256 : byte;
  put(block, 148, `${sum.toString(8).padStart(6, "0")}\0 `);
}

/** A body with its padding. */
export function body(content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === "string" ? latin1(content) : content;
  const out = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
  out.set(bytes);
  return out;
}

/** A regular file: header and body. */
export function file(name: string, content = "", fields: HeaderFields = {}): Uint8Array {
  return concat(header({ name, size: content.length, ...fields }), body(content));
}

/** One PAX record with its right length. */
export function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return `${length}${rest}`;
}

/** A PAX header of records, or of raw text. */
export function pax(
  records: string | readonly (readonly [string, string])[],
  type: "x" | "g" = "x",
): Uint8Array {
  const text = typeof records === "string"
    ? records
    : records.map(([key, value]) => record(key, value)).join("");
  return concat(header({ name: "PaxHeaders.0/x", type, size: text.length }), body(text));
}

/** A GNU long name (`L`) or long link (`K`), with the NUL that GNU tar writes unless told. */
export function gnuLong(type: "L" | "K", value: string, nul = true): Uint8Array {
  const text = nul ? value + "\0" : value;
  return concat(
    header({ name: "././@LongLink", type, size: text.length, dialect: "gnu" }),
    body(text),
  );
}

/** A number in base-256, as a field of that many bytes. */
export function base256(value: bigint, length: number): string {
  let out = "";
  const bits = BigInt.asUintN(8 * length, value);
  for (let i = 0; i < length; i++) {
    let byte = Number((bits >> BigInt(8 * (length - 1 - i))) & 0xffn);
    if (i === 0) byte = value < 0n ? 0xff : byte | 0x80;
    out += String.fromCharCode(byte);
  }
  return out;
}

/** Two blocks of zeros. */
export const END: Uint8Array = new Uint8Array(1024);

/** Joins bytes. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** One char a byte to bytes. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return toBytes(asByteString(text));
}

/** An entry with the events that followed it. */
export interface ReadEntry {
  readonly entry: Entry;
  /** The logical content. */
  readonly content: string;
  /** Lengths of the holes, in order. */
  readonly holes: readonly number[];
  readonly ended: boolean;
  readonly dirtyPadding: boolean;
}

/** Collects the events of a reader; of a hole, at most 1 MiB of content is kept. */
export class Collector implements TarHandler {
  readonly told: ReadEntry[] = [];

  entry(entry: Entry): void {
    this.told.push({ entry, content: "", holes: [], ended: false, dirtyPadding: false });
  }
  data(chunk: Uint8Array): void {
    this.#change((last) => ({ content: last.content + toText(chunk) }));
  }
  hole(length: number): void {
    this.#change((last) => ({
      holes: [...last.holes, length],
      content: last.content + "\0".repeat(Math.min(length, 1 << 20)),
    }));
  }
  endEntry(): void {
    this.#change(() => ({ ended: true }));
  }
  dirtyPadding(): void {
    this.#change(() => ({ dirtyPadding: true }));
  }

  #change(how: (last: ReadEntry) => Partial<ReadEntry>): void {
    const last = this.told.pop() as ReadEntry;
    this.told.push({ ...last, ...how(last) });
  }
}

/** Reads an archive in chunks of `step` bytes (default: at once). */
export function readTar(
  bytes: Uint8Array,
  options: TarReaderOptions & { step?: number } = {},
): readonly ReadEntry[] {
  const collector = new Collector();
  const reader = new TarReader(collector, options);
  const step = options.step ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  reader.end();
  return collector.told;
}

/** The paths of an archive. */
export function pathsOf(bytes: Uint8Array, options: TarReaderOptions = {}): readonly string[] {
  return readTar(bytes, options).map((told) => told.entry.path);
}

/** The error code of a failed read, or `"OK"`. */
export function verdict(bytes: Uint8Array, options: TarReaderOptions = {}): string {
  try {
    readTar(bytes, options);
    return "OK";
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}

/** Text as the byte string of its UTF-8 form. */
export function utf8(text: string): ByteString {
  return fromText(text);
}

function put(block: Uint8Array, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) block[offset + i] = text.charCodeAt(i);
}

function number(block: Uint8Array, offset: number, length: number, value: number | string): void {
  if (typeof value === "string") return put(block, offset, value);
  put(block, offset, value.toString(8).padStart(length - 1, "0") + "\0");
}

function toText(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += String.fromCharCode(byte);
  return out;
}
