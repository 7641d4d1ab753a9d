import { type ByteString, fromText, toValidText } from "./byte_string.ts";

/**
 * A character that a terminal hides or acts on: controls, format characters (they hide text, or
 * reverse its direction), everything else that Unicode says to ignore, the tag characters with which
 * text is smuggled, line and paragraph separators, lone surrogates. The two variation selectors that tell
 * an emoji from a symbol are no danger, and stay.
 */
const UNSAFE = String
  .raw`(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{e0000}-\u{e0fff}]`;

// The first such expression that a thread makes loads Unicode's tables, which costs about 12 ms of CPU: as much as an
// empty program. So they are made at their first use, and ASCII is recognized without them.
let oneUnsafe: RegExp | undefined;
let allUnsafe: RegExp | undefined;
let unsafeRuns: RegExp | undefined;

/** Text of printable ASCII without a backslash, as most names are. */
const PLAIN = /^[ -[\]-~]*$/;

/** Printable ASCII. */
const PRINTABLE = /^[ -~]*$/;

/** Printable ASCII in lines, with tabs. */
const PRINTABLE_LINES = /^[\t\n -~]*$/;

/** ASCII without DEL. */
const ASCII = /^[\0-~]*$/;

/**
 * A byte string for a terminal. Printable UTF-8 stays; every other byte becomes `\xNN`, and a
 * backslash becomes `\\`. So no name can move the cursor or imitate another name, and the output can
 * be turned back into the same bytes.
 */
export function escapeForTerminal(value: ByteString): string {
  if (PLAIN.test(value)) return value;
  const text = toValidText(value);
  if (text !== undefined) {
    oneUnsafe ??= new RegExp(UNSAFE, "u");
    let out = "";
    for (const char of text) {
      const isUnsafe = char === "\ufffd" || oneUnsafe.test(char);
      out += char === "\\" ? "\\\\" : isUnsafe ? hexEscape(fromText(char)) : char;
    }
    return out;
  }
  let out = "";
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    out += code === 0x5c
      ? "\\\\"
      : code >= 0x20 && code < 0x7f
      ? value[i] as string
      : hexEscape(value[i] as ByteString);
  }
  return out;
}

/**
 * Foreign text for one line of a terminal, or of a message: it cannot move the cursor, begin a line, hide
 * something or reverse the direction of the text after it. Unsafe characters become `\u{…}`. Idempotent.
 */
export function escapeText(text: string): string {
  return PRINTABLE.test(text) ? text : replaceUnsafe(text, codePointEscape);
}

/** As {@linkcode escapeText} for text of several lines: newlines and tabs stay. */
export function escapeLines(text: string): string {
  if (PRINTABLE_LINES.test(text)) return text;
  return replaceUnsafe(
    text,
    (char) => char === "\n" || char === "\t" ? char : codePointEscape(char),
  );
}

/** JSON text for a terminal. Its value stays the same. */
export function escapeJson(json: string): string {
  // Inside strings, JSON itself escapes the controls below U+0020. The controls that are left are white space between
  // values, so they stay.
  if (ASCII.test(json)) return json;
  return replaceUnsafe(
    json,
    (char) =>
      char < " " ? char : Array.from({ length: char.length }, (_, i) => unit(char, i)).join(""),
  );
}

/** Foreign text on one line: each run of unsafe characters and spaces becomes one space. */
export function flattenText(text: string): string {
  if (PRINTABLE.test(text)) return text.replace(/ +/g, " ").trim();
  unsafeRuns ??= new RegExp(`(?:${UNSAFE}|\\s)+`, "gu");
  return text.replace(unsafeRuns, " ").trim();
}

function replaceUnsafe(text: string, replace: (char: string) => string): string {
  allUnsafe ??= new RegExp(UNSAFE, "gu");
  return text.replace(allUnsafe, replace);
}

function codePointEscape(char: string): string {
  return `\\u{${(char.codePointAt(0) as number).toString(16)}}`;
}

function unit(char: string, at: number): string {
  return `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`;
}

function hexEscape(value: ByteString): string {
  let out = "";
  for (let i = 0; i < value.length; i++) {
    out += "\\x" + value.charCodeAt(i).toString(16).padStart(2, "0");
  }
  return out;
}
