import { VarveError } from "../../errors.ts";

/**
 * Makes a regular expression of a pattern of fnmatch(3): `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before a character that is
 * meant as itself. As in find(1), `*` also matches `/` and a dot at the beginning.
 *
 * @throws {VarveError} `E_USAGE` a range such as `[z-a]`
 */
export function globExpression(pattern: string, ignoreCase = false): RegExp {
  let out = "";
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] as string;
    const set = char === "[" ? setAt(pattern, i) : undefined;
    if (set !== undefined) {
      out += set.expression;
      i = set.end;
    } else if (char === "*") out += ".*";
    else if (char === "?") out += ".";
    else if (char === "\\" && i + 1 < pattern.length) out += quote(pattern[++i] as string);
    else out += quote(char);
  }
  try {
    return new RegExp(`^${out}$`, ignoreCase ? "sui" : "su");
  } catch {
    throw new VarveError(
      "E_USAGE",
      `Cannot use pattern ${JSON.stringify(pattern)}: a range in it is empty`,
    );
  }
}

/** The set that begins at a bracket. `undefined` when it has no end: the bracket then means itself. */
function setAt(
  pattern: string,
  start: number,
): { readonly expression: string; readonly end: number } | undefined {
  let at = start + 1;
  const isNegated = /[!^]/.test(pattern[at] ?? "");
  if (isNegated) at++;
  let members = "";
  for (let first = true; at < pattern.length; first = false, at++) {
    const char = pattern[at] as string;
    const name = /^\[:([a-z]+):\]/.exec(pattern.slice(at))?.[1] ?? "";
    if (char === "]" && !first) {
      return { expression: `[${isNegated ? "^" : ""}${members}]`, end: at };
    } else if (Object.hasOwn(CLASSES, name)) {
      members += CLASSES[name];
      at += name.length + 3;
    } else if (char === "-") members += isRange(pattern, at, first) ? "-" : "\\-";
    else if (char === "\\" && at + 1 < pattern.length) {
      const meant = pattern[++at] as string;
      members += meant === "-" ? "\\-" : quote(meant);
    } else members += quote(char);
  }
  return undefined;
}

/** Whether a hyphen is between two members. */
function isRange(pattern: string, at: number, first: boolean): boolean {
  return !first && pattern[at + 1] !== "]";
}

/** Named sets, of ASCII. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  blank: " \\t",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  lower: "a-z",
  punct: "!-\\/:-@\\[-`\\{-~",
  space: "\\t-\\r ",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};

function quote(char: string): string {
  return /[\^$\\.*+?()[\]{}|]/.test(char) ? `\\${char}` : char;
}
