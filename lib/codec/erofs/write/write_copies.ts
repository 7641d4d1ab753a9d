import { VarveError } from "../../../errors.ts";
import type { WriteErofsOptions } from "../options.ts";
import { reader, type SpecialFile } from "./file_planner.ts";
import type { ImageOutput } from "./image_output.ts";
import { copiedBytes } from "./plan_chunks.ts";

/** Number of bytes that are read at once. */
const PIECE = 1 << 20;

/** Writes the copied chunks of a file, which cannot be addressed in its layer tar. */
export function writeCopies(file: SpecialFile, options: WriteErofsOptions, out: ImageOutput): void {
  const { size, extents, plan, source } = file;
  let next = 0;
  for (const run of plan.runs) {
    if (run.position >= 0) continue;
    const start = run.first * 2 ** plan.bits;
    const end = Math.min(start + run.count * 2 ** plan.bits, size);
    // Offset in the image minus offset in the file.
    const shift = out.at - start;
    const read = reader(options);
    while (next < extents.length && endOf(extents, next) <= start) next++;
    for (let i = next; i < extents.length; i++) {
      const { logical, length, position } = extents[i] as typeof extents[number];
      if (logical >= end) break;
      const to = Math.min(logical + length, end);
      for (let at = Math.max(logical, start); at < to;) {
        const bytes = Math.min(PIECE, to - at);
        out.zerosTo(at + shift);
        const piece = read(source, position + at - logical, bytes);
        if (piece.length !== bytes) {
          throw new VarveError(
            "E_TRUNCATED",
            `Cannot copy content into EROFS image: layer ${source} ends too early`,
            { expected: bytes, actual: piece.length, subject: source },
          );
        }
        out.bytes(piece);
        at += bytes;
      }
    }
    out.zerosTo(start + shift + copiedBytes(size, plan.bits, run));
  }
}

function endOf(extents: SpecialFile["extents"], i: number): number {
  const { logical, length } = extents[i] as typeof extents[number];
  return logical + length;
}
