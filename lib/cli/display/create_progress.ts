import type { GlobalOptions } from "../options.ts";
import type { Progress, ProgressItem } from "./progress.ts";
import { type BarTerminal, ProgressBars } from "./progress_bars.ts";
import { ProgressLines } from "./progress_lines.ts";

const SILENT_ITEM: ProgressItem = { update() {}, done() {} };

/**
 * Creates a display: bars on a terminal, plain lines elsewhere, nothing with `--quiet` or `--progress none`.
 *
 * @param write writes a line of text
 * @param terminal the terminal for bars; `undefined` when no terminal can draw them
 */
export function createProgress(
  options: Pick<GlobalOptions, "quiet" | "progress">,
  write: (text: string) => void,
  terminal: BarTerminal | undefined,
): Progress {
  if (options.quiet || options.progress === "none") {
    const say = (line: string) => options.quiet ? undefined : write(`${line}\n`);
    return { start: () => SILENT_ITEM, say, [Symbol.dispose]() {} };
  }
  return options.progress === "auto" && terminal !== undefined
    ? new ProgressBars(terminal)
    : new ProgressLines(write);
}
