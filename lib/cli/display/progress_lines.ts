import { escapeText, formatBytes } from "../../bytes/mod.ts";
import type { Progress, ProgressItem } from "./progress.ts";

/** Smallest size in bytes for which plain lines report each quarter. Smaller items end too soon. */
const QUARTERS_FROM = 64 * 1024 * 1024;

/**
 * Prints a plain line when an item is done. For a large item, it also prints a line with the size at the beginning, and
 * one for each quarter.
 */
export class ProgressLines implements Progress {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  start(label: string, total: number | undefined): ProgressItem {
    const shown = escapeText(label);
    let size = total;
    let quarter = -1;
    return {
      update: (done, total = size) => {
        size = total;
        if (total === undefined || total < QUARTERS_FROM) return;
        if (quarter < 0) this.#write(`${shown}  ${formatBytes(total)}\n`);
        quarter = Math.max(0, quarter);
        const now = Math.min(3, Math.floor((done / total) * 4));
        if (now <= quarter) return;
        quarter = now;
        this.#write(`${shown}  ${now * 25}%\n`);
      },
      done: (note = "done", label) =>
        this.#write(`${label === undefined ? shown : escapeText(label)}  ${note}\n`),
    };
  }

  say(line: string): void {
    this.#write(`${line}\n`);
  }

  [Symbol.dispose](): void {}
}
