import cliProgress from "cli-progress";
import type { GlobalOptions } from "./options.ts";

/** Shows how far several things are, on standard error. */
export interface Progress extends Disposable {
  /** Begins a line or bar. `total` is in bytes, `undefined` when unknown. */
  start(label: string, total: number | undefined): ProgressItem;
}

/** One line or bar. */
export interface ProgressItem {
  /** Bytes done so far. */
  update(done: number): void;
  /** It is complete; `note` says what came out. */
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

class Lines implements Progress {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  start(label: string, total: number | undefined): ProgressItem {
    let quarter = 0;
    this.#write(`${label}${total === undefined ? "" : `  ${formatBytes(total)}`}\n`);
    return {
      update: (done) => {
        if (total === undefined || total === 0) return;
        const now = Math.min(3, Math.floor((done / total) * 4));
        if (now > quarter) {
          quarter = now;
          this.#write(`${label}  ${now * 25}%\n`);
        }
      },
      done: (note) => this.#write(`${label}  done${note === undefined ? "" : `  ${note}`}\n`),
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
    const bar = this.#bars.create(size, 0, { label, amount: formatBytes(total ?? 0), note: "" });
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

/** Bytes for people, in powers of 1000 as registries and `docker images` print them. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}
