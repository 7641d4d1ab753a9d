import { fileError } from "../../linux/mod.ts";
import type { Io } from "../context.ts";

/** Text that is written at once. */
const BATCH = 64 * 1024;

/** Whoever read standard output has gone: `varve save app | head -c 1`. It is no error of anybody. */
export class ClosedOutput extends Error {
  /** Always `"ClosedOutput"`. */
  override readonly name = "ClosedOutput";
}

/** The same terminal, whose standard output fails with words, or with {@linkcode ClosedOutput}. */
export function checkedOutput(io: Io): Io {
  return {
    ...io,
    async stdout(data) {
      try {
        await io.stdout(data);
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe) throw new ClosedOutput();
        throw fileError(error, "write to standard output");
      }
    },
  };
}

/** Writes text that comes in parts. */
export async function writeParts(io: Io, parts: Iterable<string>): Promise<void> {
  let batch = "";
  for (const part of parts) {
    batch += part;
    if (batch.length < BATCH) continue;
    await io.stdout(batch);
    batch = "";
  }
  if (batch !== "") await io.stdout(batch);
}
