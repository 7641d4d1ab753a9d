import type { GlobalOptions } from "../options.ts";
import type { Progress, ProgressItem } from "./progress.ts";
import type { BarTerminal } from "./progress_bars.ts";
import { ProgressLines } from "./progress_lines.ts";

const SILENT_ITEM: ProgressItem = { update() {}, done() {} };

/**
 * Creates a display: bars on a terminal, plain lines elsewhere, nothing with `--quiet` or `--progress none`.
 *
 * @param write writes a line of text
 * @param makeBars what draws bars, from {@linkcode loadBars}; `undefined` when no terminal can draw them
 */
export function createProgress(
  options: Pick<GlobalOptions, "quiet" | "progress">,
  write: (text: string) => void,
  makeBars: MakeBars | undefined,
): Progress {
  if (options.quiet || options.progress === "none") {
    const say = (line: string) => options.quiet ? undefined : write(`${line}\n`);
    return { start: () => SILENT_ITEM, say, [Symbol.dispose]() {} };
  }
  return options.progress === "auto" && makeBars !== undefined
    ? makeBars()
    : new ProgressLines(write);
}

/** Makes bars. */
export type MakeBars = () => Progress;

/** Loads what draws bars on a terminal. It costs 10 ms of CPU, which only commands that draw some should pay. */
export async function loadBars(terminal: BarTerminal): Promise<MakeBars> {
  const { ProgressBars } = await import("./progress_bars.ts");
  return () => new ProgressBars(terminal);
}
