/**
 * A tiny tar writer for fixtures.
 *
 * It shares nothing with `lib/codec/tar`, so that a mistake there cannot hide behind the same
 * mistake here. It writes whatever a test asks for: wrong sizes, odd flags and broken checksums too.
 */
import { Buffer } from "node:buffer";

/** A name or content: text is written as UTF-8. */
export type Bytes = string | Uint8Array;

/** One entry, in the words of the format. */
export interface TarFixture {
  readonly name: Bytes;
  /** By default `dir` for a name that ends in `/`, `symlink` where there is a target, else `file`. */
  readonly type?: keyof typeof FLAGS;
  /** A type flag that {@linkcode FLAGS} does not have. */
  readonly flag?: string;
  readonly content?: Bytes;
  /** Target of a symbolic or hard link. */
  readonly target?: Bytes;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly gname?: string;
  /** Seconds; where it has a fraction it is text with up to nine digits. */
  readonly mtime?: number | string;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs?: Readonly<Record<string, Bytes>>;
  /** Further PAX records. */
  readonly pax?: Readonly<Record<string, Bytes>>;
  /** Size field that differs from the content's length. */
  readonly size?: number;
  /** The twelve bytes of the size field as they are. */
  readonly rawSize?: Bytes;
  /** Writes a checksum that is wrong. */
  readonly badChecksum?: boolean;
  /** `ustar\0` + `00` by default. */
  readonly magic?: string;
}

/** The type flags of POSIX and GNU. */
export const FLAGS = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  dir: "5",
  fifo: "6",
  contiguous: "7",
  pax: "x",
  global: "g",
  gnuLongName: "L",
  gnuLongLink: "K",
} as const;

const BLOCK = 512;

/** 2020-01-01, so that fixtures are old in every test. */
export const FIXTURE_MTIME = 1_577_836_800;

/** Writes a whole archive: the entries and two zero blocks. */
export function tarOf(entries: readonly TarFixture[]): Uint8Array<ArrayBuffer> {
  return concat([...entries.map(tarEntry), new Uint8Array(2 * BLOCK)]);
}

/** Writes one entry with its PAX header, where it needs one, and its padding. */
export function tarEntry(entry: TarFixture): Uint8Array<ArrayBuffer> {
  const records = paxRecords(entry);
  const body = toBytes(entry.content ?? "");
  const parts: Uint8Array[] = [];
  if (records.length > 0) {
    parts.push(
      header({ name: "PaxHeaders/x", type: "pax", mode: 0o644, mtime: 0 }, records.length),
    );
    parts.push(padded(records));
  }
  parts.push(header(entry, entry.size ?? body.length), padded(body));
  return concat(parts);
}

/** PAX records as bytes: `length key=value\n`, where the length counts itself. */
export function paxBytes(records: Readonly<Record<string, Bytes>>): Uint8Array<ArrayBuffer> {
  return concat(
    Object.entries(records).map(([key, value]) => {
      const rest = concat([toBytes(` ${key}=`), toBytes(value), toBytes("\n")]);
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length++;
      return concat([toBytes(String(length)), rest]);
    }),
  );
}

function paxRecords(entry: TarFixture): Uint8Array {
  const records: Record<string, Bytes> = {};
  if (toBytes(entry.name).length > 100) records["path"] = entry.name;
  if (toBytes(entry.target ?? "").length > 100) records["linkpath"] = entry.target ?? "";
  if (typeof entry.mtime === "string") records["mtime"] = entry.mtime;
  for (const field of ["uid", "gid"] as const) {
    if ((entry[field] ?? 0) >= 8 ** 7) records[field] = String(entry[field]);
  }
  for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
    records[`SCHILY.xattr.${name}`] = value;
  }
  return paxBytes({ ...records, ...entry.pax });
}

function header(entry: TarFixture, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, length: number, value: Bytes) => {
    block.set(toBytes(value).subarray(0, length), at);
  };
  const octal = (at: number, length: number, value: number) => {
    put(at, length, Math.min(value, 8 ** (length - 1) - 1).toString(8).padStart(length - 1, "0"));
  };
  const type = entry.type ?? defaultType(entry);
  put(0, 100, entry.name);
  octal(100, 8, entry.mode ?? (type === "dir" ? 0o755 : type === "symlink" ? 0o777 : 0o644));
  octal(108, 8, entry.uid ?? 0);
  octal(116, 8, entry.gid ?? 0);
  if (entry.rawSize === undefined) octal(124, 12, size);
  else put(124, 12, entry.rawSize);
  octal(136, 12, Math.floor(Number(entry.mtime ?? FIXTURE_MTIME)));
  put(156, 1, entry.flag ?? FLAGS[type]);
  put(157, 100, entry.target ?? "");
  put(257, 8, entry.magic ?? "ustar\x0000");
  put(265, 32, entry.uname ?? "");
  put(297, 32, entry.gname ?? "");
  octal(329, 8, entry.major ?? 0);
  octal(337, 8, entry.minor ?? 0);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((a, b) => a + b, 0) + (entry.badChecksum ? 1 : 0);
  put(148, 8, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

function defaultType(entry: TarFixture): keyof typeof FLAGS {
  if (entry.target !== undefined) return "symlink";
  return toBytes(entry.name).at(-1) === 0x2f ? "dir" : "file";
}

/** Joins bytes. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Text as UTF-8, bytes as they are. */
export function toBytes(value: Bytes): Uint8Array {
  return typeof value === "string" ? Buffer.from(value, "utf8") : value;
}

function padded(body: Uint8Array): Uint8Array {
  return concat([body, new Uint8Array((BLOCK - body.length % BLOCK) % BLOCK)]);
}
