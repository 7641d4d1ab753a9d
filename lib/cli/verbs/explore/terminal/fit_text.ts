import { textWidth } from "../../../display/width.ts";

/** Text of ASCII, each character of one column. */
const NARROW = /^[ -~]*$/;

/** Text in at most `width` columns: cut at its end, with `…`. */
export function fitText(text: string, width: number): string {
  if (NARROW.test(text)) return text.length <= width ? text : cut(text, width - 1);
  // Most of a long text is not measured.
  const near = text.length > 4 * width + 64 ? text.slice(0, 4 * width + 64) : text;
  if (near === text && textWidth(near) <= width) return near;
  let out = "";
  let used = 0;
  for (const char of near) {
    used += textWidth(char);
    if (used > width - 1) break;
    out += char;
  }
  return width < 1 ? "" : `${out}…`;
}

/** Text in at most `width` columns: cut at its beginning, with `…`. */
export function fitEnd(text: string, width: number): string {
  const near = text.length > 4 * width + 64 ? text.slice(-(4 * width + 64)) : text;
  if (near === text && textWidth(near) <= width) return near;
  const chars = [...near].reverse();
  let out = "";
  let used = 0;
  for (const char of chars) {
    used += textWidth(char);
    if (used > width - 1) break;
    out = char + out;
  }
  return width < 1 ? "" : `…${out}`;
}

/** Text in exactly `width` columns. */
export function padEnd(text: string, width: number): string {
  const fitted = fitText(text, width);
  return fitted + " ".repeat(Math.max(0, width - textWidth(fitted)));
}

/** Text in exactly `width` columns, to the right. */
export function padStart(text: string, width: number): string {
  const fitted = fitText(text, width);
  return " ".repeat(Math.max(0, width - textWidth(fitted))) + fitted;
}

function cut(text: string, width: number): string {
  return width < 0 ? "" : `${text.slice(0, width)}…`;
}
