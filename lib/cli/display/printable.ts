import { escapeText } from "../../bytes/mod.ts";
import { textWidth } from "./width.ts";

/** A run of spaces and the word after it. */
const WORD = / *[^ ]+/g;

/**
 * Foreign text on one line: each run of control characters becomes a space. On a terminal it is cut after
 * the last word that ends within `width` columns.
 *
 * @param columns columns of the terminal; `undefined` where the text does not go to a terminal and is kept whole
 */
export function printableLine(text: string, width: number, columns: number | undefined): string {
  const flat = escapeText(text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim());
  if (columns === undefined || textWidth(flat) <= width) return flat;
  let out = "";
  for (const [word] of flat.matchAll(WORD)) {
    // The first word is kept if a line can hold it.
    if (textWidth(out + word) >= (out === "" ? columns : width)) break;
    out += word;
  }
  return `${out === "" ? [...flat.slice(0, width)].slice(0, Math.ceil(width) - 1).join("") : out}…`;
}
