import { escapeText } from "../../bytes/mod.ts";
import Table from "cli-table3";

const NONE = "";
const BORDERLESS = {
  top: NONE,
  "top-mid": NONE,
  "top-left": NONE,
  "top-right": NONE,
  bottom: NONE,
  "bottom-mid": NONE,
  "bottom-left": NONE,
  "bottom-right": NONE,
  left: NONE,
  "left-mid": NONE,
  mid: NONE,
  "mid-mid": NONE,
  right: NONE,
  "right-mid": NONE,
  middle: "  ",
};

/**
 * Formats rows under headings, with aligned columns and without borders. Columns of numbers are aligned to the right.
 * Ends with a newline.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const numeric = headings.map((_, i) =>
    rows.length > 0 && rows.every((row) => typeof row[i] === "number")
  );
  const out = new Table({
    head: [...headings],
    chars: BORDERLESS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: numeric.map((is) => is ? "right" : "left"),
  });
  for (const row of rows) out.push(row.map((cell) => escapeText(String(cell))));
  return out.toString().split("\n").map((line) => line.trimEnd()).join("\n") + "\n";
}
