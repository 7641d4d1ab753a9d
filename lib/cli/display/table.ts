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
  rows: readonly (readonly (string | number)[])[],
  width: number | undefined,
): string {
  const numeric = headings.map((_, i) =>
    rows.length > 0 && rows.every((row) => typeof row[i] === "number")
  );
  const cells = [headings, ...rows].map((row) => row.map((cell) => escapeText(String(cell))));
  const bands = bandsOf(
    headings.map((_, i) => cells.map((row) => row[i] ?? "")),
    width ?? Infinity,
  );
  return cells.map((row) => bands.map((band) => bandOf(row, band, numeric)).join("")).join("");
}

/** Divides columns into bands that fit. */
function bandsOf(columns: readonly (readonly string[])[], width: number): Band[] {
  const bands: Band[] = [];
  let free = -1;
  for (const [index, cells] of columns.entries()) {
    const natural = widest(cells, textWidth);
    const fits = natural + GAP.length <= free;
    // If the cells do not fit, they may be wrapped in the free part of this line.
    const least = fits ? 0 : widest(cells, widestWord);
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
  return cells.reduce((width, cell) => Math.max(width, measure(cell)), 0);
}

function widestWord(text: string): number {
  return widest(text.split(" "), textWidth);
}
