import type { Compression } from "./compression.ts";
import { crc32Combine } from "./crc32_combine.ts";
import type { ByteSource } from "./decompress.ts";
import { crc32, deflatePiece, zstdFrame } from "./node_zlib.ts";
import { PIECE_BYTES, splitPieces } from "./split_pieces.ts";

/** Options of {@linkcode compressPiece}. */
export interface CompressPieceOptions {
  /** Format of the piece. */
  readonly format: "gzip" | "zstd";
  /** Compression level: 0 to 9 for gzip (default 6), 1 to 19 for zstd (default 3). */
  readonly level?: number | undefined;
}

/** Options of {@linkcode compress}. */
export interface CompressOptions {
  /** Format of the output. With `"none"` the bytes are passed on unchanged. */
  readonly format: Compression;
  /** Compression level: 0 to 9 for gzip (default 6), 1 to 19 for zstd (default 3). */
  readonly level?: number | undefined;
  /** Aborts the stream; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A piece that was compressed independently of others. It is a plain value, so that another thread
 * can make it.
 */
export interface CompressedPiece<Memory extends ArrayBufferLike = ArrayBuffer> {
  /** The compressed bytes: whole deflate blocks that end at a byte boundary, or one zstd frame. */
  readonly bytes: Uint8Array<Memory>;
  /** CRC-32 of the uncompressed bytes. */
  readonly crc32: number;
  /** Number of uncompressed bytes. */
  readonly length: number;
}

/**
 * A header without name and time, in which the operating system is "unknown" (RFC 1952, 2.3), so
 * that it is the same on every machine.
 */
const GZIP_HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff] as const;

/** The last deflate block: empty, with fixed codes (RFC 1951, 3.2.6). */
const LAST_BLOCK = [0x03, 0x00] as const;

/**
 * Compresses a stream. The same input always gives the same output, with the same version of
 * node:zlib.
 *
 * gzip output is one member, zstd output is one frame for every 4 MiB. Both consist of pieces of a
 * fixed input length that do not depend on each other. To compress pieces in parallel, use
 * {@linkcode splitPieces}, {@linkcode compressPiece} and {@linkcode joinPieces}.
 *
 * @throws {RangeError} when the format does not have this level
 */
export async function* compress(
  source: ByteSource,
  options: CompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { format, level, signal } = options;
  const checked = abortable(source, signal);
  if (format === "none") return yield* checked;
  const pieceOptions = { format, level };
  checkLevel(pieceOptions);
  yield* joinPieces(format, compressed(splitPieces(checked, PIECE_BYTES[format]), pieceOptions));
}

/**
 * Compresses one piece, synchronously and independently of other pieces.
 *
 * @throws {RangeError} when the format does not have this level
 */
export function compressPiece(
  bytes: Uint8Array,
  options: CompressPieceOptions,
): CompressedPiece {
  const room = new Uint8Array(compressedRoom(bytes.length));
  const piece = compressPieceInto(bytes, options, room);
  return { ...piece, bytes: piece.bytes.slice() };
}

/**
 * Compresses one piece as {@linkcode compressPiece} does, but into given memory, which can be
 * reused for the next piece. With new memory for each piece, dozens of large, unused buffers can
 * stay in memory until the garbage collector runs.
 *
 * @param room memory for the output: at least {@linkcode compressedRoom} bytes, not overlapping
 * `bytes`
 * @returns the piece; its bytes are a view of `room`
 * @throws {RangeError} when the format does not have this level, or `room` is too small
 */
export function compressPieceInto<Memory extends ArrayBufferLike>(
  bytes: Uint8Array,
  options: CompressPieceOptions,
  room: Uint8Array<Memory>,
): CompressedPiece<Memory> {
  const level = checkLevel(options);
  const make = options.format === "gzip" ? deflatePiece : zstdFrame;
  return { bytes: make(bytes, level, room), crc32: crc32(bytes, 0), length: bytes.length };
}

/**
 * Upper bound of the compressed size of a piece of `length` bytes, for every format and level. The
 * worst case is random data at gzip level 1: fixed codes take up to 9 bits for a byte, and zlib's
 * own bound is slightly larger.
 */
export function compressedRoom(length: number): number {
  return length + Math.ceil(length / 7) + 4096;
}

/** Joins compressed pieces into one stream. They must come in the order of their input. */
export async function* joinPieces<Memory extends ArrayBufferLike = ArrayBuffer>(
  format: "gzip" | "zstd",
  pieces: AsyncIterable<CompressedPiece<Memory>> | Iterable<CompressedPiece<Memory>>,
): AsyncGenerator<Uint8Array<Memory | ArrayBuffer>, void, undefined> {
  let crc = 0;
  let length = 0;
  if (format === "gzip") yield Uint8Array.from(GZIP_HEADER);
  for await (const piece of pieces) {
    crc = crc32Combine(crc, piece.crc32, piece.length);
    length += piece.length;
    yield piece.bytes;
  }
  if (format === "gzip") yield trailer(crc, length);
  // A zstd stream needs at least one frame.
  else if (length === 0) yield compressPiece(new Uint8Array(0), { format }).bytes;
}

const DEFAULT_LEVEL = { gzip: 6, zstd: 3 } as const;

/** The lowest and the highest level of each format. */
export const COMPRESSION_LEVELS: Readonly<Record<"gzip" | "zstd", readonly [number, number]>> = {
  gzip: [0, 9],
  zstd: [1, 19],
};

function checkLevel({ format, level = DEFAULT_LEVEL[format] }: CompressPieceOptions): number {
  const [least, most] = COMPRESSION_LEVELS[format];
  if (Number.isInteger(level) && level >= least && level <= most) return level;
  throw new RangeError(`Cannot compress with ${format} at level ${level}: not ${least} to ${most}`);
}

function trailer(crc: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LAST_BLOCK.length + 8);
  bytes.set(LAST_BLOCK);
  const view = new DataView(bytes.buffer, LAST_BLOCK.length);
  view.setUint32(0, crc, true);
  view.setUint32(4, length % 0x1_0000_0000, true);
  return bytes;
}

async function* compressed(
  pieces: AsyncIterable<Uint8Array>,
  options: CompressPieceOptions,
): AsyncGenerator<CompressedPiece, void, undefined> {
  for await (const piece of pieces) yield compressPiece(piece, options);
}

async function* abortable(
  source: ByteSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    yield chunk;
  }
  signal?.throwIfAborted();
}
