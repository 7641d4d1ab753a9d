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
