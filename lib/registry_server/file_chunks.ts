import { guarded } from "../linux/mod.ts";

/** Bytes of one read. */
const CHUNK = 256 * 1024;

/** Up to `length` bytes of a file from an offset on. Each chunk has its own buffer. */
export async function* fileChunks(
  path: string,
  start: number,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using file = await guarded("read an upload", () => Deno.open(path));
  await file.seek(start, Deno.SeekMode.Start);
  for (let left = length; left > 0;) {
    const buffer = new Uint8Array(Math.min(CHUNK, left));
    const read = await guarded("read an upload", () => file.read(buffer));
    if (read === null) return;
    left -= read;
    yield buffer.subarray(0, read);
  }
}
