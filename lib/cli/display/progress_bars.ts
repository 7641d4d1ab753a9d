import { escapeText } from "../../bytes/mod.ts";
import cliProgress from "cli-progress";
import { barLine, type BarState, Rate } from "./bar_line.ts";
import type { Progress, ProgressItem } from "./progress.ts";
import { wrapText } from "./wrap.ts";

/** The terminal on which bars are drawn. */
export interface BarTerminal {
  /** Writes text to it. */
  write(text: string): void;
  /** Its size, which can change. */
  size(): { readonly columns: number; readonly rows: number };
}

/** Erases the rest of a line. */
const ERASE = "\x1b[K";

/**
 * Bars on a terminal: a line for each item that is worked on, and one for all of them when there are
 * several. An item that is done becomes a line of text above the bars, and stays there.
 */
export class ProgressBars implements Progress {
  readonly #terminal: BarTerminal;
  readonly #bars;
  readonly #items = new Set<Item>();
  readonly #shown = new Map<BarState, unknown>();
  /** Whether cli-progress has drawn anything. */
  #draws = false;
  #written = "";
  #all: All | undefined;

  constructor(terminal: BarTerminal) {
    this.#terminal = terminal;
    this.#bars = new cliProgress.MultiBar({
      format: (_options: unknown, _params: unknown, state: BarState) =>
        barLine(state, terminal.size().columns),
      stream: this.#stream(),
      // The bars fit the terminal. Without this option, the terminal would also cut the text above them.
      linewrap: true,
      // If a signal ended the process, a hidden cursor would stay hidden.
      hideCursor: false,
      clearOnComplete: true,
      stopOnComplete: false,
      // A line above the bars moves all of them.
      forceRedraw: true,
    });
    this.#bars.on("redraw-post", () => this.#flush());
  }

  start(label: string, total: number | undefined): ProgressItem {
    const item = new Item(escapeText(label), total);
    this.#items.add(item);
    return {
      update: (done, total = item.total) => {
        item.done = done;
        item.total = total;
        item.isBegun = true;
        this.#show(item);
      },
      done: (note = "done", label) => {
        item.done = item.total ?? item.done;
        // An item without work must not count for the rate and the time left.
        if (!item.isBegun) this.#items.delete(item);
        this.#finish(item, `${label === undefined ? item.label : escapeText(label)}  ${note}`);
      },
    };
  }

  say(line: string): void {
    const { columns } = this.#terminal.size();
    const text = wrapText(line, columns - 1, 2);
    if (!this.#draws) return this.#terminal.write(`${text}\n`);
    this.#bars.log(text.split("\n").map((line) => `${line}${ERASE}\n`).join(""));
  }

  /** Ends the display: removes the bars. The lines of items that are done stay. */
  [Symbol.dispose](): void {
    if (!this.#draws) return;
    this.#bars.update();
    this.#bars.stop();
    this.#flush();
  }

  #show(item: Item): void {
    // The line of all items stands first, since bars stay in the order in which they were made.
    if (this.#all === undefined && this.#items.size > 1) {
      this.#all = new All(this.#items);
      this.#create(this.#all);
    }
    const { rows } = this.#terminal.size();
    if (this.#shown.has(item) || this.#shown.size >= Math.max(1, rows - 2)) return;
    this.#create(item);
  }

  #create(state: BarState): void {
    this.#draws = true;
    this.#shown.set(state, this.#bars.create(1, 0, state));
  }

  #finish(item: Item, line: string): void {
    this.say(line);
    if (!this.#draws) return;
    const bar = this.#shown.get(item);
    this.#shown.delete(item);
    if (bar !== undefined) this.#bars.remove(bar);
  }

  /** A stream for cli-progress. It collects all that one redraw writes, and writes it at once, to avoid flicker. */
  #stream() {
    const terminal = this.#terminal;
    return {
      isTTY: true,
      get columns() {
        return terminal.size().columns;
      },
      write: (text: string): boolean => {
        this.#written += text;
        return true;
      },
    };
  }

  #flush(): void {
    const text = this.#written;
    this.#written = "";
    if (text !== "") this.#terminal.write(text);
  }
}

/** An item that was announced. */
class Item implements BarState {
  readonly label: string;
  total: number | undefined;
  done = 0;
  isBegun = false;
  readonly #rate = new Rate();

  constructor(label: string, total: number | undefined) {
    this.label = label;
    this.total = total;
  }

  get rate(): number | undefined {
    return this.#rate.measure(this.done, performance.now());
  }
}

/** All items together. */
class All implements BarState {
  readonly label = "all";
  readonly #items: ReadonlySet<Item>;
  readonly #rate = new Rate();

  constructor(items: ReadonlySet<Item>) {
    this.#items = items;
  }

  get done(): number {
    let sum = 0;
    for (const { done } of this.#items) sum += done;
    return sum;
  }

  /** Sum of all sizes; `undefined` as long as any of them is not known. */
  get total(): number | undefined {
    let sum = 0;
    for (const { total } of this.#items) {
      if (total === undefined) return undefined;
      sum += total;
    }
    return sum;
  }

  get rate(): number | undefined {
    return this.#rate.measure(this.done, performance.now());
  }
}
