/** Where a key of a TOML text is written. */
export interface TomlKey {
  /** The keys from the top level down to this one. An element of an array adds none. */
  readonly path: readonly string[];
  /** Position in the text of the last part of the key, in UTF-16 units. */
  readonly at: number;
  /** Position of the bracket that begins the header of a table, if the key is such a header. */
  readonly header?: number | undefined;
}

/**
 * Finds all keys of a TOML text that was parsed before, with their positions, which the parser does not report: keys of
 * headers, of lines and of inline tables.
 */
export function tomlKeys(text: string): TomlKey[] {
  return new KeyScanner(text).keys();
}

const BARE = /[\w-]/;
const BLANK = /[ \t\r\n,]/;

class KeyScanner {
  readonly #text: string;
  readonly #found: TomlKey[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  keys(): TomlKey[] {
    let table: readonly string[] = [];
    for (this.#skipBlanks(); this.#at < this.#text.length; this.#skipBlanks()) {
      const header = this.#at;
      if (this.#char !== "[") {
        this.#pair(table);
        continue;
      }
      while (this.#char === "[") this.#at++;
      table = this.#key([], header);
      while (this.#char === "]") this.#at++;
    }
    return this.#found;
  }

  get #char(): string {
    return this.#text.charAt(this.#at);
  }

  #startsWith(token: string): boolean {
    return this.#text.startsWith(token, this.#at);
  }

  /** Skips white space, line ends, commas and comments. */
  #skipBlanks(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      if (this.#char === "#") this.#skipLine();
      if (!BLANK.test(this.#char)) return;
    }
  }

  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  /** Reads `key = value` below a table, and all keys in the value. */
  #pair(table: readonly string[]): void {
    const begin = this.#at;
    const path = this.#key(table);
    if (this.#char === "=") this.#at++;
    this.#value(path);
    // So that the search ends also in a text that the parser would refuse.
    if (this.#at === begin) this.#at++;
  }

  /** Reads a key, `a."b".c`, and what follows it up to `=` or `]`. @returns its path */
  #key(table: readonly string[], header?: number): readonly string[] {
    const path = [...table];
    for (let last = this.#at; this.#at < this.#text.length;) {
      const begin = this.#at;
      const char = this.#char;
      if (char === '"' || char === "'") {
        this.#skipString();
        path.push(unquoted(this.#text.slice(begin, this.#at)));
        last = begin;
      } else if (BARE.test(char)) {
        while (BARE.test(this.#char)) this.#at++;
        path.push(this.#text.slice(begin, this.#at));
        last = begin;
      } else if (char === "." || char === " " || char === "\t") this.#at++;
      else {
        this.#found.push({ path, at: last, header });
        break;
      }
    }
    return path;
  }

  #value(path: readonly string[]): void {
    while (this.#char === " " || this.#char === "\t") this.#at++;
    const char = this.#char;
    if (char === '"' || char === "'") return this.#skipString();
    if (char !== "[" && char !== "{") {
      while (this.#at < this.#text.length && !/[\n,\]}#]/.test(this.#char)) this.#at++;
      return;
    }
    const end = char === "[" ? "]" : "}";
    this.#at++;
    for (this.#skipBlanks(); this.#at < this.#text.length; this.#skipBlanks()) {
      if (this.#char === end) {
        this.#at++;
        return;
      }
      if (char === "{") this.#pair(path);
      else this.#element(path);
    }
  }

  #element(path: readonly string[]): void {
    const begin = this.#at;
    this.#value(path);
    if (this.#at === begin) this.#at++;
  }

  /** Skips a string of any of the four kinds. */
  #skipString(): void {
    const quote = this.#char;
    const isLong = this.#startsWith(quote.repeat(3));
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#startsWith(end)) {
      this.#at += quote === '"' && this.#char === "\\" ? 2 : 1;
    }
    this.#at += end.length;
    // A long string may end in up to two quotes of its own.
    if (isLong) { while (this.#char === quote) this.#at++; }
  }
}

/** What a character behind a backslash stands for, if not for itself. */
const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** The text of a quoted key. */
function unquoted(quoted: string): string {
  const text = quoted.slice(1, -1);
  if (quoted.startsWith("'")) return text;
  const escape = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))/g;
  return text.replace(escape, (_, four, eight, two, char: string | undefined) => {
    if (char !== undefined) return ESCAPES[char] ?? char;
    return String.fromCodePoint(Math.min(parseInt(four ?? eight ?? two, 16), 0x10ffff));
  });
}
