/** Words of a Dockerfile instruction, with quotes, escapes and variables, as Docker reads them. */
import { VarveError } from "../../errors.ts";

/** Splits at white space outside quotes. Quotes and escapes stay in the words. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (quote === "" && /\s/.test(char)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += char;
    if (char === "\\" && quote !== "'" && i + 1 < text.length) word += text[++i];
    else if (quote === "" ? char === '"' || char === "'" : char === quote) {
      quote = quote === "" ? char : "";
    }
  }
  if (word !== "") words.push(word);
  return words;
}

/** Looks up a variable; `undefined` when it is not set. */
export type Lookup = (name: string) => string | undefined;

/**
 * Removes the quotes and escapes of a word and replaces its variables: `$NAME`, `${NAME}`,
 * `${NAME:-word}`, `${NAME:+word}`, `${NAME-word}`, `${NAME+word}`.
 *
 * @throws {VarveError} `E_USAGE` when a quote or a brace is not closed, or a variable is malformed
 */
export function expandWord(word: string, lookup: Lookup): string {
  return new Expansion(word, lookup).run();
}

class Expansion {
  readonly #text: string;
  readonly #lookup: Lookup;
  #at = 0;

  constructor(text: string, lookup: Lookup) {
    this.#text = text;
    this.#lookup = lookup;
  }

  run(end = ""): string {
    let out = "";
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at++] as string;
      if (char === end) return out;
      if (char === "'") out += this.#single();
      else if (char === '"') out += this.#double();
      else if (char === "\\") out += this.#text[this.#at++] ?? "";
      else if (char === "$") out += this.#variable();
      else out += char;
    }
    if (end !== "") throw this.#open(end);
    return out;
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end < 0) throw this.#open("'");
    const out = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return out;
  }

  #double(): string {
    let out = "";
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at++] as string;
      if (char === '"') return out;
      if (char === "$") out += this.#variable();
      else if (char === "\\" && /["$\\]/.test(this.#text[this.#at] ?? "")) {
        out += this.#text[this.#at++];
      } else out += char;
    }
    throw this.#open('"');
  }

  #variable(): string {
    if (this.#text[this.#at] !== "{") {
      const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!-])/.exec(this.#text.slice(this.#at))?.[0];
      if (name === undefined) return "$";
      this.#at += name.length;
      return this.#lookup(name) ?? "";
    }
    this.#at++;
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.#text.slice(this.#at))?.[0] ?? "";
    this.#at += name.length;
    const value = this.#lookup(name);
    const operator = /^(?::?[-+]|\})/.exec(this.#text.slice(this.#at))?.[0];
    if (name === "" || operator === undefined) {
      throw new VarveError(
        "E_USAGE",
        `Cannot read ${JSON.stringify(this.#text)}: a variable in it is malformed`,
      );
    }
    this.#at += operator.length;
    if (operator === "}") return value ?? "";
    const other = this.run("}");
    const isSet = operator.startsWith(":")
      ? value !== undefined && value !== ""
      : value !== undefined;
    if (operator.endsWith("-")) return isSet ? value as string : other;
    return isSet ? other : "";
  }

  #open(end: string): VarveError {
    return new VarveError(
      "E_USAGE",
      `Cannot read ${JSON.stringify(this.#text)}: a ${end} is missing`,
    );
  }
}
