// Control characters, line and paragraph separators, characters that set the direction of text, lone surrogates, and
// the byte order mark.
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** Unsafe characters in JSON text, where control characters below U+0020 are escaped already. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Makes foreign text safe to print on one line of a terminal: it cannot move the cursor, begin a line, or reverse the
 * direction of the text after it. Control characters become `\u{…}`.
 */
export function printable(text: string): string {
  return text.replace(
    UNSAFE,
    (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`,
  );
}

/**
 * Like {@linkcode printable}, but each run of control characters becomes one space, and the text is cut to `width`
 * characters.
 */
export function printableLine(text: string, width: number): string {
  const flat = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  const chars = [...flat];
  return printable(chars.length > width ? chars.slice(0, width - 1).join("") + "…" : flat);
}

/** Makes JSON text safe to print on a terminal. Its value stays the same. */
export function printableJson(json: string): string {
  return json.replace(
    UNSAFE_IN_JSON,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
