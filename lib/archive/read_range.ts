import { VarveError } from "../errors.ts";

/**
 * Exactly `length` bytes of a file.
 *
 * @throws {VarveError} `E_TRUNCATED` when the file is shorter
 */
export async function readRange(
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  const out = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const read = await file.read(out.subarray(at));
    if (read === null) {
      throw new VarveError(
        "E_TRUNCATED",
        `Cannot read ${path}: it ends after ${offset + at} bytes`,
        {
          subject: path,
          expected: offset + length,
          actual: offset + at,
        },
      );
    }
    at += read;
  }
  return out;
}
