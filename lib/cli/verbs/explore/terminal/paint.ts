import { escapeText } from "../../../../bytes/mod.ts";
import type { Line, Style } from "./lines.ts";

/** Sequences that begin a style (ECMA-48, SGR). Without colours, only bold and reverse are left. */
const COLORED: Readonly<Record<Style, string>> = {
  plain: "",
  title: "\x1b[1m",
  active: "\x1b[1;36m",
  chosen: "\x1b[7m",
  added: "\x1b[32m",
  modified: "\x1b[33m",
  removed: "\x1b[31m",
};

const PLAIN: Readonly<Record<Style, string>> = {
  plain: "",
  title: "",
  active: "\x1b[1m",
  chosen: "\x1b[7m",
  added: "",
  modified: "",
  removed: "",
};

/** What draws lines on a terminal, each in its row. */
export class Painter {
  readonly #styles: Readonly<Record<Style, string>>;
  #shown: readonly string[] = [];

  constructor(isColored: boolean) {
    this.#styles = isColored ? COLORED : PLAIN;
  }

  /** What to write so that the screen shows the lines: those that are not there yet. */
  paint(lines: readonly Line[]): string {
    const next = lines.map((line, row) => this.#line(line, row));
    const out = next.filter((text, row) => text !== this.#shown[row]).join("");
    this.#shown = next;
    return out;
  }

  /** Forgets what the screen shows, such as when its size has changed. Returns what clears it. */
  clear(): string {
    this.#shown = [];
    return "\x1b[2J";
  }

  #line(line: Line, row: number): string {
    let out = `\x1b[${row + 1};1H\x1b[2K`;
    for (const { column, parts } of line) {
      // Each part of the screen begins where it belongs, even if the terminal draws a name wider than expected.
      if (column > 0) out += `\x1b[${row + 1};${column + 1}H\x1b[K`;
      for (const { text, style } of parts) {
        const begin = this.#styles[style];
        const safe = escapeText(text);
        out += begin === "" ? safe : `${begin}${safe}\x1b[0m`;
      }
    }
    return out;
  }
}
