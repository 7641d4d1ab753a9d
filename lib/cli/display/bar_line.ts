/** What a progress bar shows, as one line that fits the terminal. */
import { formatBytes } from "../../bytes/mod.ts";
import { textWidth } from "./width.ts";

/** The state of a bar. Sizes are in bytes. */
export interface BarState {
  readonly label: string;
  readonly done: number;
  /** `undefined` when unknown. */
  readonly total: number | undefined;
  /** Bytes per second; `undefined` as long as it is not known. */
  readonly rate: number | undefined;
}

/** Widths of the parts of a line in columns. They are fixed, so that the parts of all bars are aligned. */
const COLUMNS = { label: 12, amount: 20, rate: 10, left: 11 } as const;
/** Fewest and most columns of the bar itself, with its brackets. */
const [LEAST_BAR, MOST_BAR] = [8, 32];
const GAP = "  ";

/**
 * The line of a bar: `0123456789ab [====----]  50%  1.00 MB of 2.00 MB  500.0 kB/s  2 s left`.
 *
 * If not all parts fit into `width` columns, the amount is left out first, then the rate, the bar and the time left.
 * The last column stays free: a terminal may begin a new line after it.
 */
export function barLine({ label, done, total, rate }: BarState, width: number): string {
  const most = width - 1;
  const speed = rate === undefined ? "" : `${formatBytes(Math.round(rate))}/s`;
  const head = label.padEnd(COLUMNS.label);
  if (total === undefined) {
    const line = [head, formatBytes(done).padStart(8), speed.padStart(COLUMNS.rate)].join(GAP);
    return fitted(line.trimEnd(), most);
  }
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  const amount = `${formatBytes(Math.min(done, total))} of ${formatBytes(total)}`;
  const left = timeLeft(total - done, rate);
  let free = most - textWidth(head) - percent.length - 1;
  const room = (columns: number) => free >= columns && ((free -= columns), true);
  const hasLeft = room(COLUMNS.left + GAP.length);
  const hasBar = room(LEAST_BAR + 1);
  const hasRate = room(COLUMNS.rate + GAP.length);
  const hasAmount = room(COLUMNS.amount + GAP.length);
  const size = Math.min(MOST_BAR, LEAST_BAR + Math.max(0, free)) - 2;
  const filled = Math.floor(part * size);
  const parts = [
    hasBar
      ? `${head} [${"=".repeat(filled)}${"-".repeat(size - filled)}] ${percent}`
      : `${head} ${percent}`,
    ...(hasAmount ? [amount.padStart(COLUMNS.amount)] : []),
    ...(hasRate ? [speed.padStart(COLUMNS.rate)] : []),
    ...(hasLeft ? [left.padStart(COLUMNS.left)] : []),
  ];
  return fitted(parts.join(GAP).trimEnd(), most);
}

/** How long it takes at this rate, in at most {@linkcode COLUMNS.left} columns; `""` when not known. */
function timeLeft(bytes: number, rate: number | undefined): string {
  if (rate === undefined || rate <= 0) return "";
  const seconds = Math.max(0, Math.ceil(bytes / rate));
  if (seconds < 100) return `${seconds} s left`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 100) return `${minutes} min left`;
  return `${Math.min(999, Math.ceil(minutes / 60))} h left`;
}

/** Cuts a line that has more than `most` columns, and ends it with `…`. */
function fitted(line: string, most: number): string {
  if (textWidth(line) <= most) return line;
  let out = "";
  for (const char of line) {
    if (textWidth(out + char) >= most) break;
    out += char;
  }
  return `${out}…`;
}

/** Seconds over which a rate is averaged. */
const MEMORY = 3;
/** Fewest seconds between two measurements. */
const INTERVAL = 0.3;

/** Measures a rate in bytes per second: an average in which newer measurements weigh more. */
export class Rate {
  #at: number | undefined;
  #done = 0;
  #rate: number | undefined;

  /** The rate, once it is known. `now` is in milliseconds. */
  measure(done: number, now: number): number | undefined {
    if (this.#at === undefined) {
      // Do not count the bytes that were there at the beginning, such as the kept part of a download.
      [this.#at, this.#done] = [now, done];
      return undefined;
    }
    const seconds = (now - this.#at) / 1000;
    if (seconds < INTERVAL) return this.#rate;
    const current = Math.max(0, done - this.#done) / seconds;
    const weight = 1 - Math.exp(-seconds / MEMORY);
    this.#rate = this.#rate === undefined ? current : this.#rate + (current - this.#rate) * weight;
    [this.#at, this.#done] = [now, done];
    return this.#rate;
  }
}
