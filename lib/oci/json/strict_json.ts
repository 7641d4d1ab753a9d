import { VarveError } from "../../errors.ts";
import { OCI_LIMITS } from "../limits.ts";

/**
 * A JSON value as {@linkcode parseStrictJson} returns it.
 * Integers outside ±(2^53 − 1) are `bigint`.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | JsonObject;

/** A JSON object. It has no prototype, so no key has a special meaning. */
export interface JsonObject {
  /** The value of a key. The keys are in the order of the document. */
  readonly [key: string]: JsonValue;
}

/** Options of {@linkcode parseStrictJson}. */
export interface StrictJsonOptions {
  /** Maximum size in bytes. Default: 4 MiB. */
  readonly maxBytes?: number | undefined;
  /** Maximum nesting of objects and arrays. Default: 64. */
  readonly maxDepth?: number | undefined;
  /** Maximum number of values: objects, arrays, strings, numbers and words. Default: 100,000. */
  readonly maxValues?: number | undefined;
  /** What to call the bytes in messages, such as `"manifest"`. Default: `"JSON"`. */
  readonly what?: string | undefined;
}

/** The texts of an object's numbers that are written with a fraction or an exponent, by key. */
const FRACTIONS = new WeakMap<JsonObject, Map<string, string>>();

/**
 * The text of an object's number that is written with a fraction or an exponent: `714.0`, `714e0`.
 * `undefined` for any other number. Go's JSON reader does not accept such a number as an integer.
 */
export function fractionText(object: JsonObject, key: string): string | undefined {
  return FRACTIONS.get(object)?.get(key);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** All empty objects of all documents: an object without prototype takes 250 bytes. */
const EMPTY: JsonObject = Object.freeze(Object.create(null));

/**
 * Reads JSON (RFC 8259) strictly, so that no two readers can see different documents in the same bytes.
 *
 * It refuses duplicate keys, a byte order mark, invalid UTF-8, anything after the value, numbers
 * that overflow, and everything that `JSON.parse` refuses. Objects have no prototype: `__proto__`
 * is a key like any other. Keys keep their order, except those that are array indexes, which come
 * first.
 *
 * @example
 * ```ts
 * import { parseStrictJson } from "@varve/varve/oci";
 *
 * const value = parseStrictJson(new TextEncoder().encode('{"schemaVersion":2}'));
 * if (JSON.stringify(value) !== '{"schemaVersion":2}') throw new Error("never");
 * ```
 *
 * @throws {VarveError} `E_JSON` when it is not strict JSON, `E_LIMIT` when it is too long or too deep, or
 * has too many values
 */
export function parseStrictJson(bytes: Uint8Array, options: StrictJsonOptions = {}): JsonValue {
  const what = options.what ?? "JSON";
  const maxBytes = options.maxBytes ?? OCI_LIMITS.manifest.value;
  if (bytes.length > maxBytes) {
    throw new VarveError(
      "E_LIMIT",
      `Cannot read ${what}: ${bytes.length} bytes are more than the limit of ${maxBytes}`,
      { expected: maxBytes, actual: bytes.length },
    );
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new VarveError("E_JSON", `Cannot read ${what}: not valid UTF-8`);
  }
  const maxDepth = options.maxDepth ?? OCI_LIMITS.jsonDepth.value;
  const maxValues = options.maxValues ?? OCI_LIMITS.jsonValues.value;
  return new Parser(text, what, maxDepth, maxValues).document();
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Parser {
  readonly #text: string;
  readonly #what: string;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  #at = 0;
  #depth = 0;
  #values = 0;
  /** The text of the last number, when it has a fraction or an exponent. */
  #fraction: string | undefined;

  constructor(text: string, what: string, maxDepth: number, maxValues: number) {
    this.#text = text;
    this.#what = what;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
  }

  document(): JsonValue {
    if (this.#text.charCodeAt(0) === 0xfeff) this.#fail("it begins with a byte order mark");
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail("there is something after its end");
    return value;
  }

  #value(): JsonValue {
    if (++this.#values > this.#maxValues) {
      throw new VarveError(
        "E_LIMIT",
        `Cannot read ${this.#what}: it has more than ${this.#maxValues} values`,
        { setting: OCI_LIMITS.jsonValues.setting, expected: this.#maxValues },
      );
    }
    this.#space();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(): JsonObject {
    this.#enter();
    if (this.#closes("}")) return EMPTY;
    const object = Object.create(null) as Record<string, JsonValue>;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail("a key is missing");
      const key = this.#string();
      if (key in object) this.#fail(`it has the key ${shown(key)} twice`);
      this.#space();
      if (this.#text[this.#at++] !== ":") this.#fail("a colon is missing", -1);
      const value = object[key] = this.#value();
      if (typeof value === "number" && this.#fraction !== undefined) {
        const fractions = FRACTIONS.get(object) ?? new Map<string, string>();
        FRACTIONS.set(object, fractions.set(key, this.#fraction));
      }
    } while (this.#continues("}"));
    return object;
  }

  #array(): JsonValue[] {
    this.#enter();
    const array: JsonValue[] = [];
    if (this.#closes("]")) return array;
    do array.push(this.#value()); while (this.#continues("]"));
    return array;
  }

  #enter(): void {
    this.#at++;
    if (++this.#depth > this.#maxDepth) {
      throw new VarveError(
        "E_LIMIT",
        `Cannot read ${this.#what}: it is nested deeper than ${this.#maxDepth} levels`,
        { setting: OCI_LIMITS.jsonDepth.setting, expected: this.#maxDepth },
      );
    }
  }

  #closes(end: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== end) return false;
    this.#at++;
    this.#depth--;
    return true;
  }

  #continues(end: string): boolean {
    if (this.#closes(end)) return false;
    if (this.#text[this.#at++] !== ",") this.#fail(`a comma or ${end} is missing`, -1);
    return true;
  }

  #string(): string {
    this.#at++;
    let out = "";
    for (;;) {
      out += this.#plain();
      const char = this.#text[this.#at++];
      if (char === '"') return out;
      if (char !== "\\") this.#fail("a string is not ended, or holds a control character", -1);
      const escape = this.#text[this.#at++] ?? "";
      if (escape === "u") {
        const hex = this.#text.slice(this.#at, this.#at + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#fail("an escape is malformed");
        this.#at += 4;
        out += String.fromCharCode(parseInt(hex, 16));
      } else {
        out += ESCAPES[escape] ?? this.#fail("an escape is malformed", -1);
      }
    }
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) this.#fail("a value is missing or malformed");
    const value = Number(match[0]);
    if (!Number.isFinite(value)) this.#fail("a number is too large");
    this.#at += match[0].length;
    const integer = match[1] === undefined && match[2] === undefined;
    this.#fraction = integer ? undefined : match[0];
    // A double would silently round a large integer.
    return integer && !Number.isSafeInteger(value) ? BigInt(match[0]) : value;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail("a value is missing or malformed");
    this.#at += word.length;
    return value;
  }

  /** Skips blanks, tabs and line ends. */
  #space(): void {
    for (;; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  /** Takes the characters of a string up to its end, an escape or a control character. */
  #plain(): string {
    const start = this.#at;
    // Beyond the end of the text the code is NaN.
    for (;; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (!(code >= 0x20) || code === QUOTE || code === BACKSLASH) break;
    }
    return this.#text.slice(start, this.#at);
  }

  #fail(why: string, offset = 0): never {
    throw new VarveError(
      "E_JSON",
      `Cannot read ${this.#what}: ${why}, at character ${this.#at + offset}`,
    );
  }
}

function shown(key: string): string {
  return JSON.stringify(key.length > 80 ? key.slice(0, 80) + "…" : key);
}
