import type { Compression } from "./compression.ts";
import { crc32Combine } from "./crc32_combine.ts";
import type { ByteSource } from "./decompress.ts";
import { crc32, deflatePiece, zstdFrame } from "./node_zlib.ts";
import { PIECE_BYTES, splitPieces } from "./split_pieces.ts";

/** How {@linkcode compressPiece} works. */
export interface CompressPieceOptions {
  /** The format. */
  readonly format: "gzip" | "zstd";
  /** gzip 0 to 9, default 6; zstd 1 to 19, default 3. */
  readonly level?: number | undefined;
}

/** How {@linkcode compress} works. */
export interface CompressOptions {
  /** The format; `"none"` passes the bytes on. */
  readonly format: Compression;
  /** gzip 0 to 9, default 6; zstd 1 to 19, default 3. */
  readonly level?: number | undefined;
  /** Ends it: its reason is thrown untouched. */
  readonly signal?: AbortSignal | undefined;
}

/** A piece that was compressed on its own; a plain value, so that another thread can make it. */
export interface CompressedPiece<Memory extends ArrayBufferLike = ArrayBuffer> {
  /** A run of whole deflate blocks that ends on a byte, or a zstd frame. */
  readonly bytes: Uint8Array<Memory>;
  /** CRC-32 of the uncompressed bytes. */
  readonly crc32: number;
  /** Number of the uncompressed bytes. */
  readonly length: number;
}

/** No name, no time, unknown system (RFC 1952, 2.3): nothing of the machine gets in. */
const GZIP_HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff] as const;

/** The last deflate block: empty, with fixed codes (RFC 1951, 3.2.6). */
const LAST_BLOCK = [0x03, 0x00] as const;

/**
 * Compresses a stream, the same bytes always to the same bytes (with one version of node:zlib).
 *
 * gzip comes as one member, zstd as a frame for every 4 MiB, both made of pieces of a fixed length
 * that know nothing of each other: see {@linkcode splitPieces}, {@linkcode compressPiece} and
 * {@linkcode joinPieces} for doing them in parallel.
 *
 * @throws {RangeError} when the format has no such level
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
 * Compresses one piece, synchronously, without regard to others.
 *
 * @throws {RangeError} when the format has no such level
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
 * Compresses one piece as {@linkcode compressPiece} does, into memory that can be used again: large
 * buffers that nobody needs any more stay in memory by the dozen until the runtime looks for them.
 *
 * @param room at least {@linkcode compressedRoom} bytes, and apart from `bytes`
 * @returns the piece, whose bytes are a view of the room
 * @throws {RangeError} when the format has no such level, or the room is too small
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
 * Room for whatever comes of compressing a piece of so many bytes, in any format, at any level. The
 * worst is noise at gzip level 1: fixed codes take up to 9 bits for a byte, and zlib's bound a little more.
 */
export function compressedRoom(length: number): number {
  return length + Math.ceil(length / 7) + 4096;
}

/** Makes a stream of pieces, which must come in the order of what they hold. */
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
  // No frame at all would be no zstd.
  else if (length === 0) yield compressPiece(new Uint8Array(0), { format }).bytes;
}

const DEFAULT_LEVEL = { gzip: 6, zstd: 3 } as const;

/** The least and the most level of a format. */
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
