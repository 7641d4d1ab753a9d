// Controls, what steers the direction of text, separators, lone surrogates, the byte order mark.
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** The same in JSON text, where the controls below the space are escaped already. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Text of others as one line of a terminal: nothing in it can move the cursor,
 * begin a line or turn the direction of what stands behind it. Controls become `\u{…}`.
 */
export function printable(text: string): string {
  return text.replace(
    UNSAFE,
    (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`,
  );
}

/** The same, with runs of controls as one space, cut to a number of characters. */
export function printableLine(text: string, width: number): string {
  const flat = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  const chars = [...flat];
  return printable(chars.length > width ? chars.slice(0, width - 1).join("") + "…" : flat);
}

/** JSON text that is as harmless to a terminal, and still the same JSON. */
export function printableJson(json: string): string {
  return json.replace(
    UNSAFE_IN_JSON,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
