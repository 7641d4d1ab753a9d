import { VarveError } from "../../errors.ts";
import { fileError } from "../../linux/mod.ts";

/**
 * Reads a file that must not be larger than `most` bytes. It may be a pipe, or a device without an end.
 *
 * @param action what is done; it follows "Cannot " in a message
 * @throws {VarveError} `E_LIMIT`, `E_DENIED`, `E_SYSCALL`
 */
export async function readSmallFile(
  path: string,
  most: number,
  action: string,
): Promise<Uint8Array> {
  try {
    using file = await Deno.open(path);
    const bytes = new Uint8Array(most + 1);
    let size = 0;
    while (size < bytes.length) {
      const read = await file.read(bytes.subarray(size));
      if (read === null) return bytes.subarray(0, size);
      size += read;
    }
  } catch (error) {
    throw fileError(error, action);
  }
  throw new VarveError("E_LIMIT", `Cannot ${action}: it is larger than ${most} bytes`, {
    subject: path,
  });
}
