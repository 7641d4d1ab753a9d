import { compressionMagic } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import { guarded } from "../linux/mod.ts";

/** Number of bytes to read in one call. */
const CHUNK = 256 * 1024;

/**
 * Reads exactly `length` bytes of a file.
 *
 * @throws {VarveError} `E_TRUNCATED` when the file is shorter; `E_DENIED`, `E_SYSCALL`
 */
export async function readRange(
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(length);
  let at = 0;
  for await (const chunk of rangeChunks(path, offset, length)) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

/** Reads a range of a file in chunks, each in a buffer of its own. @throws {VarveError} as {@linkcode readRange} */
export async function* rangeChunks(
  path: string,
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using file = await openInput(path);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let at = 0; at < length;) {
    const buffer = new Uint8Array(Math.min(CHUNK, length - at));
    const read = await guarded(`read ${path}`, () => file.read(buffer));
    if (read === null) throw truncated(path, offset + length, offset + at);
    yield buffer.subarray(0, read);
    at += read;
  }
}

/** Reads a file, a pipe or a device to its end, in chunks. */
export async function* allChunks(path: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using file = await openInput(path);
  for (;;) {
    const buffer = new Uint8Array(CHUNK);
    const read = await guarded(`read ${path}`, () => file.read(buffer));
    if (read === null) return;
    yield buffer.subarray(0, read);
  }
}

/** Opens a file for reading. @throws {VarveError} `E_DENIED`, `E_SYSCALL` */
export async function openInput(path: string): Promise<Deno.FsFile> {
  return await guarded(`load ${path}`, () => Deno.open(path));
}

function truncated(path: string, expected: number, actual: number): VarveError {
  return new VarveError("E_TRUNCATED", `Cannot read ${path}: it ends after ${actual} bytes`, {
    subject: path,
    expected,
    actual,
  });
}

/**
 * Number of bytes of a compressed stream that are read before the work on it begins: 4 MiB. What a layer may hold
 * depends on the compressed size, and a small stream must not cost more than a small file.
 */
const AHEAD = 4 * 1024 * 1024;

/** Bytes of a piece in which the begin of a stream is passed on. */
const PIECE = 64 * 1024;

/** Number of bytes that show whether a stream is compressed. */
const MAGIC = 4;

/** A stream whose begin was read. */
export interface AheadBytes {
  /** Size of the whole stream in bytes; `undefined` when it is not compressed, or longer than what was read. */
  readonly size: number | undefined;
  /** All bytes of the stream. Iterate once. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Reads the begin of a stream. Of one that is not compressed, only the first bytes: the work on it begins at once. */
export async function readAhead(bytes: AsyncIterable<Uint8Array>): Promise<AheadBytes> {
  const rest = bytes[Symbol.asyncIterator]();
  // The chunks are copied: a pipe may give single bytes, each in a large buffer of its own.
  let begin = new Uint8Array(PIECE);
  let length = 0;
  while (length <= AHEAD) {
    const next = await rest.next();
    if (next.done === true) {
      return { size: length, bytes: joined(begin.subarray(0, length), undefined) };
    }
    const end = length + next.value.length;
    if (end > begin.length) {
      const grown = new Uint8Array(Math.max(end, 2 * begin.length));
      grown.set(begin);
      begin = grown;
    }
    begin.set(next.value, length);
    length = end;
    const isPlain = compressionMagic(begin.subarray(0, MAGIC)) === undefined;
    if (length >= MAGIC && isPlain) break;
  }
  return { size: undefined, bytes: joined(begin.subarray(0, length), rest) };
}

async function* joined(
  begin: Uint8Array,
  rest: AsyncIterator<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    for (let at = 0; at < begin.length; at += PIECE) yield begin.slice(at, at + PIECE);
    if (rest !== undefined) yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    await rest?.return?.();
  }
}
