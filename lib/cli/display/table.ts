import { escapeText } from "../../bytes/mod.ts";

/** Characters that take two columns: Unicode's East Asian Width W and F, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
/** What stands between two columns. */
const GAP = "  ";

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
  const cells = [headings, ...rows].map((row) => row.map((cell) => escapeText(String(cell))));
  const widths = headings.map((_, i) =>
    cells.reduce((width, row) => Math.max(width, textWidth(row[i] ?? "")), 0)
  );
  return cells.map((row) =>
    `${
      row.map((cell, i) => {
        const padding = " ".repeat((widths[i] as number) - textWidth(cell));
        return numeric[i] ? padding + cell : cell + padding;
      }).join(GAP).trimEnd()
    }\n`
  ).join("");
}

/** Columns that a text takes on a terminal. */
function textWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text.replaceAll(/\p{M}/gu, "")) width += WIDE.test(char) ? 2 : 1;
  return width;
}
