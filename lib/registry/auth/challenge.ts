/** One challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1). */
export interface Challenge {
  /** The scheme in lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /**
   * The parameters: names in lower case, values without quotes. If two have the same name, the
   * first is used.
   */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Maximum length of a header in bytes. A longer header counts as empty. */
const MAX_HEADER = 16 * 1024;
/** Maximum number of challenges that are read. */
const MAX_CHALLENGES = 16;
/** Maximum number of parameters of one challenge. */
const MAX_PARAMETERS = 32;

const SPACE = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const TOKEN68 = /[0-9A-Za-z._~+/-]+=*(?=[ \t]*(?:,|$))/y;
// deno-lint-ignore no-control-regex -- a quoted string holds no controls
const QUOTED = /"((?:[^"\\\u0000-\u0008\u000a-\u001f\u007f]|\\[\t -~])*)"/y;

/**
 * Reads the challenges of a `WWW-Authenticate` header. `Headers.get` joins several headers with commas.
 *
 * Reading stops where the header is malformed, and the challenges before that point are returned.
 * It never throws. It takes time linear in the length of the header, and reads at most 16
 * challenges. For a header of more than 16 KiB it returns none.
 *
 * @example
 * ```ts
 * import { parseChallenges } from "@varve/varve/registry";
 *
 * const [bearer] = parseChallenges('Bearer realm="https://auth.example/token",service="reg"');
 * if (bearer?.parameters.get("service") !== "reg") throw new Error("never");
 * ```
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  if (header.length > MAX_HEADER) return challenges;
  const reader = new Reader(header);
  while (challenges.length < MAX_CHALLENGES) {
    reader.take(SEPARATORS);
    const scheme = reader.take(TOKEN);
    if (scheme === "") break;
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    if (!readParameters(reader, parameters)) {
      // Drops this challenge, because it is not clear where its parameters end.
      challenges.pop();
      break;
    }
  }
  return challenges;
}

/** Reads up to the next scheme or the end; `false` when a parameter is malformed. */
function readParameters(reader: Reader, parameters: Map<string, string>): boolean {
  reader.take(SPACE);
  if (reader.at < reader.text.length && reader.peek(TOKEN68) && !reader.peekParameter()) {
    // A single word (`token68`) in place of parameters, as in `Negotiate YWJj`. If the header lacks a
    // comma, the word may be the next scheme. It is skipped in both cases.
    return reader.take(TOKEN68) !== "";
  }
  for (;;) {
    reader.take(SEPARATORS);
    if (reader.at >= reader.text.length) return true;
    if (!reader.peekParameter()) return reader.peek(TOKEN);
    const name = reader.take(TOKEN).toLowerCase();
    reader.take(EQUALS);
    const value = reader.value();
    if (value === undefined) return false;
    if (parameters.size >= MAX_PARAMETERS) return false;
    if (!parameters.has(name)) parameters.set(name, value);
    reader.take(SPACE);
    const next = reader.text[reader.at];
    if (next !== undefined && next !== ",") return false;
  }
}

/** Reads a header from left to right. */
class Reader {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Takes the text that a sticky pattern matches here; `""` when it does not match. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  peek(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    return pattern.test(this.text);
  }

  /** Whether `name=value` is next. */
  peekParameter(): boolean {
    const before = this.at;
    const name = this.take(TOKEN);
    const equals = this.take(EQUALS);
    const value = this.text[this.at];
    this.at = before;
    // `YWJj==` and `YWJj=` are words, not parameters.
    return name !== "" && equals !== "" && value !== undefined && value !== "," && value !== "=";
  }

  /** Takes the value of a parameter; `undefined` when it is malformed. */
  value(): string | undefined {
    if (this.text[this.at] !== '"') return this.take(TOKEN) || undefined;
    QUOTED.lastIndex = this.at;
    const match = QUOTED.exec(this.text);
    if (match === null) return undefined;
    this.at += match[0].length;
    return (match[1] as string).replace(/\\(.)/g, "$1");
  }
}
