import { escapeText } from "../../bytes/mod.ts";
import { textWidth } from "./width.ts";
import { wrapLine } from "./wrap.ts";

/** What stands between two columns. */
const GAP = "  ";
/** Indentation of the second and later lines of a row. */
const INDENT = 2;
/**
 * Fewest columns of the terminal in which the text of a cell is wrapped. If fewer are left on the line, the cell begins
 * a new line.
 */
const LEAST = 24;

/** Columns of the table that are beside each other on one line. A table that fits has a single band. */
interface Band {
  readonly indent: number;
  readonly columns: { readonly index: number; width: number }[];
}

/**
 * Formats rows under headings, with aligned columns and without borders. Columns of numbers are aligned to the right.
 * Ends with a newline.
 *
 * On a terminal that is too narrow, text in cells is wrapped between words. Where that is not enough, a
 * row and the headings continue on more lines, which are indented.
 *
 * @param width columns of the terminal; `undefined` where the table does not go to a terminal
 */
export function table(
  headings: readonly string[],
  rows: readonly Row[],
  width: number | undefined,
): string {
  return [...tableParts(headings, rows, width)].join("");
}

/** The cells of a row. */
export type Row = readonly (string | number)[];

/** As {@linkcode table}, row by row. It formats nothing before the first row is asked for. */
export function* tableParts(
  headings: readonly string[],
  rows: Iterable<Row>,
  width: number | undefined,
): Generator<string> {
  const cells: (readonly string[])[] = [headings];
  const numeric = headings.map(() => true);
  for (const row of rows) {
    cells.push(row.map((cell) => typeof cell === "number" ? String(cell) : escapeText(cell)));
    for (let i = 0; i < numeric.length; i++) numeric[i] &&= typeof row[i] === "number";
  }
  if (cells.length === 1) numeric.fill(false);
  const bands = bandsOf(
    headings.map((_, i) => cells.map((row) => row[i] ?? "")),
    width ?? Infinity,
  );
  for (const row of cells) {
    if (width === undefined) yield lineOf(row, bands[0] as Band, numeric);
    else for (const band of bands) yield bandOf(row, band, numeric);
  }
}

/** A row on one line, where nothing has to be wrapped. */
function lineOf(row: readonly string[], { columns }: Band, numeric: readonly boolean[]): string {
  let line = "";
  for (const { index, width } of columns) {
    const text = row[index] ?? "";
    const padding = " ".repeat(Math.max(0, width - textWidth(text)));
    if (index > 0) line += GAP;
    line += numeric[index] ? padding + text : text + padding;
  }
  return `${line.trimEnd()}\n`;
}

/** Divides columns into bands that fit. */
function bandsOf(columns: readonly (readonly string[])[], width: number): Band[] {
  const bands: Band[] = [];
  let free = -1;
  for (const [index, cells] of columns.entries()) {
    const natural = widest(cells, textWidth);
    const fits = natural + GAP.length <= free;
    // If the cells do not fit, they may be wrapped in the free part of this line.
    const least = fits || width === Infinity ? 0 : widest(cells, widestWord);
    const wraps = !fits && Math.max(least, Math.min(natural, LEAST)) + GAP.length <= free;
    if (fits || wraps) {
      const own = fits ? natural : free - GAP.length;
      bands.at(-1)?.columns.push({ index, width: own });
      free -= own + GAP.length;
      continue;
    }
    const indent = bands.length === 0 ? 0 : Math.max(0, Math.min(INDENT, width - least));
    const own = Math.max(least, Math.min(natural, width - indent));
    bands.push({ indent, columns: [{ index, width: own }] });
    free = width - indent - own;
  }
  return bands;
}

/** The lines of one band of a row. An empty line in an indented band is left out. */
function bandOf(
  row: readonly string[],
  { indent, columns }: Band,
  numeric: readonly boolean[],
): string {
  const cells = columns.map(({ index, width }) => wrapLine(row[index] ?? "", width, 0));
  let out = "";
  for (let at = 0; at < Math.max(...cells.map((lines) => lines.length)); at++) {
    const line = columns.map(({ index, width }, i) => {
      const text = cells[i]?.[at] ?? "";
      const padding = " ".repeat(Math.max(0, width - textWidth(text)));
      return numeric[index] ? padding + text : text + padding;
    }).join(GAP).trimEnd();
    if (line !== "" || indent === 0) out += `${" ".repeat(line === "" ? 0 : indent)}${line}\n`;
  }
  return out;
}

function widest(cells: readonly string[], measure: (text: string) => number): number {
  let width = 0;
  // A cell is at most twice as wide as it is long. Most need not be measured.
  for (const cell of cells) if (2 * cell.length > width) width = Math.max(width, measure(cell));
  return width;
}

function widestWord(text: string): number {
  return widest(text.split(" "), textWidth);
}
