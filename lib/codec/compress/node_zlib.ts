/**
 * The only file that imports `node:zlib`.
 *
 * Its streams do not say where a member ends, and Deno's streams drop bytes that follow a member.
 * The engine below the streams does say it: `_handle.writeSync` works from memory into memory that
 * can be reused, and writes to `_writeState` how much of input and output is left. The engine is
 * not documented, but Node and Deno keep it, because npm's own unpacker needs it.
 *
 * @module
 */
import {
  constants,
  crc32 as nodeCrc32,
  createDeflateRaw,
  createInflateRaw,
  createZstdCompress,
  createZstdDecompress,
  type ZstdOptions,
} from "node:zlib";
import { VarveError } from "../../errors.ts";
import type { Decoder, Inflater } from "./inflater.ts";

/** The undocumented engine of a `node:zlib` stream. */
interface Handle {
  onerror: (message: string, errno: number, code: string) => void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
  reset(): void;
  close(): void;
}

/** The undocumented parts of a `node:zlib` stream. */
interface Stream {
  readonly _handle: Handle;
  /** After a write: the remaining room in the output, then the remaining bytes of the input. */
  readonly _writeState: Uint32Array;
}

/** Minimum size of a stream's buffer. The engine does not use that buffer. */
const CHUNK_SIZE = 64;

/** Continues a CRC-32. `seed` is the CRC-32 of the preceding bytes, 0 at the beginning. */
export function crc32(bytes: Uint8Array, seed: number): number {
  return nodeCrc32(bytes, seed);
}

/** Makes an inflater for raw deflate streams with node:zlib. */
export function createNodeInflater(): Inflater {
  const engine = new Engine(createInflateRaw({ chunkSize: CHUNK_SIZE }), "decompress gzip");
  return Object.assign(engine, { checksTrailer: false } as const);
}

/**
 * Makes a decoder for zstd frames with node:zlib. It verifies checksums and content sizes.
 *
 * @param windowBytes maximum size in bytes of a window that it accepts
 */
export function createNodeZstdDecoder(windowBytes: number): Decoder {
  const windowLog = Math.max(10, Math.ceil(Math.log2(windowBytes)));
  const params = { [constants.ZSTD_d_windowLogMax]: Math.min(31, windowLog) };
  return new Engine(createZstdDecompress({ chunkSize: CHUNK_SIZE, params }), "decompress zstd");
}

/**
 * Deflates bytes to whole blocks that end at a byte boundary. No block is marked as the last block.
 *
 * @returns the filled part of `room`
 * @throws {RangeError} when `room` is too small
 */
export function deflatePiece<Memory extends ArrayBufferLike>(
  bytes: Uint8Array,
  level: number,
  room: Uint8Array<Memory>,
): Uint8Array<Memory> {
  const stream = createDeflateRaw({ chunkSize: CHUNK_SIZE, level });
  return compressInto(room, bytes, new Engine(stream, "compress gzip", constants.Z_SYNC_FLUSH));
}

/**
 * Compresses bytes to one zstd frame, with content size and checksum.
 *
 * @returns the filled part of `room`
 * @throws {RangeError} when `room` is too small
 */
export function zstdFrame<Memory extends ArrayBufferLike>(
  bytes: Uint8Array,
  level: number,
  room: Uint8Array<Memory>,
): Uint8Array<Memory> {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: 1,
  };
  // `pledgedSrcSize` exists since Node 22.19, but is missing in the types. A reset would drop it,
  // so each frame gets a new engine.
  const options: ZstdOptions & { pledgedSrcSize: number } = {
    params,
    pledgedSrcSize: bytes.length,
    chunkSize: CHUNK_SIZE,
  };
  const stream = createZstdCompress(options);
  return compressInto(room, bytes, new Engine(stream, "compress zstd", constants.ZSTD_e_end));
}

function compressInto<Memory extends ArrayBufferLike>(
  room: Uint8Array<Memory>,
  bytes: Uint8Array,
  engine: Engine,
): Uint8Array<Memory> {
  try {
    engine.write(bytes, 0, bytes.length, room, 0);
    // When the room is exactly full, the engine may still hold the end of the piece.
    if (engine.consumed === bytes.length && engine.produced < room.length) {
      return room.subarray(0, engine.produced);
    }
  } finally {
    engine.close();
  }
  throw new RangeError(`Cannot compress ${bytes.length} bytes into room for ${room.length}`);
}

class Engine implements Decoder {
  consumed = 0;
  produced = 0;
  readonly #handle: Handle;
  readonly #left: Uint32Array;
  readonly #action: string;
  readonly #flush: number;
  #failure: string | undefined;
  #closed = false;

  constructor(stream: unknown, action: string, flush: number = constants.Z_NO_FLUSH) {
    const { _handle, _writeState } = stream as Stream;
    if (typeof _handle?.writeSync !== "function" || !(_writeState instanceof Uint32Array)) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot ${action}: this runtime's node:zlib has no synchronous engine`,
        { hint: "use Deno 2.9, Node 22.15 or a later version" },
      );
    }
    this.#handle = _handle;
    this.#left = _writeState;
    this.#action = action;
    this.#flush = flush;
    // Replaces the stream's own handler, which would destroy the stream in a later turn of the
    // event loop, and throw there.
    _handle.onerror = (message): void => {
      this.#failure = message;
    };
  }

  reset(): void {
    this.#handle.reset();
  }

  write(input: Uint8Array, start: number, end: number, output: Uint8Array, at: number): boolean {
    const given = end - start;
    const room = output.length - at;
    try {
      this.#handle.writeSync(this.#flush, input, start, given, output, at, room);
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
    if (this.#failure !== undefined) {
      throw new VarveError(
        "E_FORMAT",
        `Cannot ${this.#action} stream: ${this.#failure}`,
      );
    }
    const roomLeft = this.#left[0]!;
    const inputLeft = this.#left[1]!;
    this.consumed = given - inputLeft;
    this.produced = room - roomLeft;
    // Both room and input are left, so the engine must have stopped because the piece ended.
    return inputLeft > 0 && roomLeft > 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle.close();
  }
}
