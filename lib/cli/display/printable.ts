import { escapeText } from "../../bytes/mod.ts";

/** Foreign text on one line: each run of control characters becomes a space, and it is cut to `width` characters. */
export function printableLine(text: string, width: number): string {
  const flat = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  const chars = [...flat];
  return escapeText(chars.length > width ? chars.slice(0, width - 1).join("") + "…" : flat);
}
