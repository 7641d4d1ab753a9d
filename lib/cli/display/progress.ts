import { escapeText } from "../../bytes/mod.ts";
import cliProgress from "cli-progress";
import type { GlobalOptions } from "../options.ts";

/** Shows the progress of several items on standard error. */
export interface Progress extends Disposable {
  /** Adds a line or bar. `total` is its size in bytes, `undefined` when unknown. */
  start(label: string, total: number | undefined): ProgressItem;
}

/** One line or bar of progress. */
export interface ProgressItem {
  /** Sets the number of bytes done so far. */
  update(done: number): void;
  /** Marks the item as complete. `note` describes the result. */
  done(note?: string): void;
}

const SILENT_ITEM: ProgressItem = { update() {}, done() {} };

/** Bars on a terminal, plain lines elsewhere, nothing with `--quiet` or `--progress none`. */
export function createProgress(
  options: Pick<GlobalOptions, "quiet" | "progress">,
  write: (text: string) => void,
  isTerminal: boolean,
): Progress {
  if (options.quiet || options.progress === "none") {
    return { start: () => SILENT_ITEM, [Symbol.dispose]() {} };
  }
  return options.progress === "auto" && isTerminal ? new Bars() : new Lines(write);
}

/** Smallest size in bytes for which plain lines report each quarter. Smaller items are done too fast. */
const QUARTERS_FROM = 64 * 1024 * 1024;

class Lines implements Progress {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  start(label: string, total: number | undefined): ProgressItem {
    const shown = escapeText(label);
    const quarters = total !== undefined && total >= QUARTERS_FROM;
    let quarter = 0;
    if (quarters) this.#write(`${shown}  ${formatBytes(total)}\n`);
    return {
      update: (done) => {
        if (!quarters) return;
        const now = Math.min(3, Math.floor((done / total) * 4));
        if (now <= quarter) return;
        quarter = now;
        this.#write(`${shown}  ${now * 25}%\n`);
      },
      done: (note) => this.#write(`${shown}  ${note ?? "done"}\n`),
    };
  }

  [Symbol.dispose](): void {}
}

class Bars implements Progress {
  readonly #bars = new cliProgress.MultiBar({
    format: "{label} [{bar}] {percentage}% {amount} {note}",
    barCompleteChar: "=",
    barIncompleteChar: "-",
    hideCursor: true,
    clearOnComplete: false,
    barsize: 24,
    stopOnComplete: false,
    forceRedraw: false,
  });

  start(label: string, total: number | undefined): ProgressItem {
    const size = total === undefined || total === 0 ? 1 : total;
    const bar = this.#bars.create(size, 0, {
      label: escapeText(label),
      amount: formatBytes(total ?? 0),
      note: "",
    });
    return {
      update: (done) => {
        if (total !== undefined) bar.update(Math.min(done, size));
        else bar.update(0, { amount: formatBytes(done) });
      },
      done: (note) => {
        bar.update(size, { note: note ?? "" });
        bar.stop();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#bars.stop();
  }
}

/** A number of bytes in readable units: powers of 1000, as registries and `docker images` print them. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  // 999.95 and more would be printed as 1000.0, so it takes the next unit.
  while (value >= (unit === 0 ? 1000 : 999.95) && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(value < 9.995 ? 2 : 1)} ${units[unit]}`;
}
