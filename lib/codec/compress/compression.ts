import { VarveError } from "../../errors.ts";

/** The compression of a stream; `"none"` for a stream that is not compressed. */
export type Compression = "gzip" | "zstd" | "none";

/**
 * Number of bytes that {@linkcode sniff} needs: one tar block. Pass a shorter stream as a whole.
 */
export const SNIFF_BYTES = 512;

/** Formats that are recognised and refused, by the bytes with which they begin. */
const REFUSED: readonly (readonly [name: string, ...magics: readonly number[][]])[] = [
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
  ["lzop", [0x89, 0x4c, 0x5a, 0x4f, 0x00]],
  ["compress (.Z)", [0x1f, 0x9d]],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["lzma", [0x5d, 0x00, 0x00]],
  ["lzip", [0x4c, 0x5a, 0x49, 0x50]],
  ["zip", [0x50, 0x4b, 0x03, 0x04], [0x50, 0x4b, 0x05, 0x06]],
];

/** Bytes of a bzip2 stream after `BZh` and the level: the mark of a block or of the end. */
const BZIP2_MARKS = [[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]];

/**
 * Detects the compression of a stream from its first bytes.
 *
 * The magic bytes of gzip and zstd always decide, as in other container engines. The magic bytes of
 * other formats are ignored in a tar header, because they can be the beginning of a file name.
 *
 * @param head the first {@linkcode SNIFF_BYTES} bytes, or fewer when the stream is shorter
 * @throws {VarveError} `E_COMPRESSION` for a known compression that is not supported
 */
export function sniff(head: Uint8Array): Compression {
  const found = compressionMagic(head);
  if (found !== undefined) return found;
  if (isTarHeader(head)) return "none";
  const name = refused(head);
  if (name === undefined) return "none";
  throw new VarveError(
    "E_COMPRESSION",
    `Cannot decompress stream: it is ${name}, and only gzip, zstd and uncompressed are read`,
    { expected: "gzip, zstd or none", actual: name },
  );
}

/**
 * Detects gzip or zstd from the magic bytes at the beginning of a stream; `undefined` for anything
 * else. Never throws.
 */
export function compressionMagic(head: Uint8Array): "gzip" | "zstd" | undefined {
  if (begins(head, [0x1f, 0x8b])) return "gzip";
  return begins(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippable(head) ? "zstd" : undefined;
}

/** The name of the refused format of a stream; `undefined` when it has another format. */
function refused(head: Uint8Array): string | undefined {
  if (begins(head, [0x42, 0x5a, 0x68]) && BZIP2_MARKS.some((mark) => begins(head, mark, 4))) {
    return "bzip2";
  }
  return REFUSED.find(([, ...magics]) => magics.some((magic) => begins(head, magic)))?.[0];
}

function begins(head: Uint8Array, magic: readonly number[], at = 0): boolean {
  return magic.every((byte, i) => head[at + i] === byte);
}

/** A skippable zstd frame (RFC 8878, 3.1.2): 0x184D2A50 to 0x184D2A5F, little-endian. */
function isSkippable(head: Uint8Array): boolean {
  return begins(head, [0x2a, 0x4d, 0x18], 1) && ((head[0] ?? 0) & 0xf0) === 0x50;
}

/**
 * Whether a block is a tar header: it has the POSIX magic, or a correct checksum in one of the old
 * forms.
 */
function isTarHeader(head: Uint8Array): boolean {
  if (head.length < SNIFF_BYTES) return false;
  if (begins(head, [0x75, 0x73, 0x74, 0x61, 0x72], 257)) return true;
  let sum = 0;
  for (let i = 0; i < SNIFF_BYTES; i++) sum += i >= 148 && i < 156 ? 0x20 : head[i]!;
  const field = String.fromCharCode(...head.subarray(148, 156));
  const octal = /^ *([0-7]{1,7})[ \0]/.exec(field);
  return octal !== null && parseInt(octal[1]!, 8) === sum;
}
