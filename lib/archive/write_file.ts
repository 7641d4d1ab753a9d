import { guarded } from "../linux/mod.ts";
import { fileTarget } from "./save_target.ts";

/**
 * Writes a stream to a file, which appears complete or not at all. A device or a FIFO is written directly.
 *
 * @param durability whether to sync the data to disk before the file appears
 * @throws {VarveError} `E_NOT_FOUND` no such directory · `E_EXISTS` the path is a directory or a symbolic link ·
 *   `E_DENIED`, `E_SYSCALL`; and the errors of the stream
 */
export async function writeFile(
  path: string,
  bytes: ReadableStream<Uint8Array>,
  durability: "full" | "none",
): Promise<void> {
  try {
    await writeTarget(path, bytes, durability);
  } catch (error) {
    // What the stream holds is freed also if it was never read.
    await bytes.cancel(error).catch(() => {});
    throw error;
  }
}

async function writeTarget(
  path: string,
  bytes: ReadableStream<Uint8Array>,
  durability: "full" | "none",
): Promise<void> {
  const target = await fileTarget(path);
  await guarded(`save to ${path}`, async () => {
    if (target === "in place") {
      using file = await Deno.open(path, { write: true });
      return await writeAll(file, bytes);
    }
    await using _ = target;
    {
      using file = await Deno.open(target.temporary, { write: true });
      await writeAll(file, bytes);
    }
    await target.finish(durability);
  });
}

/**
 * Writes a stream to an open file. `pipeTo` with `preventClose` can end before the last chunks are written, so it is
 * not used.
 */
export async function writeAll(
  file: Deno.FsFile,
  bytes: ReadableStream<Uint8Array>,
): Promise<void> {
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
}
