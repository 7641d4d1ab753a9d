import { escapeLines } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { exactJson } from "./json.ts";

/** A template of `--format`: texts, and between them paths of fields of the JSON. */
interface Part {
  readonly text: string;
  /** Names of nested fields. Empty for the whole value. `undefined`: only text. */
  readonly path?: readonly string[] | undefined;
}

/**
 * Prints values by a template such as `{{.name}}\t{{.size}}`. A list gives a line for each of its values.
 *
 * `{{.a.b}}` is a field of the JSON document of the verb, `{{.}}` all of it. A field that some values do not have is
 * empty in their lines. Objects and lists are printed as JSON. `\t` and `\n` stand for a tab and a new line.
 */
export class Template {
  readonly #parts: readonly Part[];
  /** Fields that no value has had so far. */
  readonly #missing: Set<string>;
  #count = 0;
  #names: readonly string[] = [];

  /** @throws {VarveError} `E_USAGE` when it is no template */
  constructor(text: string) {
    if (/^table\s/.test(text)) {
      throw refused(text, "leave 'table' out: 'column -t' aligns what {{.a}}\\t{{.b}} prints");
    }
    this.#parts = parse(text);
    this.#missing = new Set(
      this.#parts.flatMap(({ path }) => path === undefined ? [] : [path.join(".")]),
    );
  }

  /** The line of a value. */
  line(value: unknown): string {
    this.#count++;
    if (this.#names.length === 0 && typeof value === "object" && value !== null) {
      this.#names = Object.keys(value);
    }
    let out = "";
    for (const { text, path } of this.#parts) {
      out += path === undefined ? text : this.#field(value, path);
    }
    return `${escapeLines(out)}\n`;
  }

  /** The lines of a document. A generator in it is read while the lines are printed. */
  *lines(document: unknown): Generator<string> {
    if (Array.isArray(document) || isGenerator(document)) {
      for (const value of document) yield this.line(value);
    } else if (document !== undefined) yield this.line(readAll(document));
    this.finish();
  }

  /** Call it after the last value. @throws {VarveError} `E_USAGE` when no value had one of the fields */
  finish(): void {
    const [missing] = this.#missing;
    if (this.#count === 0 || missing === undefined) return;
    throw new VarveError("E_USAGE", `Cannot print {{.${missing}}}: the JSON has no such field`, {
      hint: this.#names.length === 0 ? undefined : `fields are ${this.#names.join(", ")}`,
    });
  }

  #field(value: unknown, path: readonly string[]): string {
    let at = value;
    for (const name of path) {
      if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return "";
      at = (at as Record<string, unknown>)[name];
    }
    if (at === undefined) return "";
    this.#missing.delete(path.join("."));
    if (at === null) return "";
    return typeof at === "string" ? at : exactJson(at);
  }
}

function parse(text: string): Part[] {
  const parts: Part[] = [];
  const pieces = text.replaceAll("\\t", "\t").replaceAll("\\n", "\n").split(/\{\{(.*?)\}\}/s);
  for (const [i, piece] of pieces.entries()) {
    if (i % 2 === 0) {
      if (piece.includes("{{")) throw refused(text);
      parts.push({ text: piece });
      continue;
    }
    const field = piece.trim();
    if (!/^\.$|^(\.[^.\s()|"]+)+$/.test(field)) throw refused(text);
    parts.push({ text: "", path: field === "." ? [] : field.slice(1).split(".") });
  }
  return parts;
}

function refused(text: string, hint?: string): VarveError {
  return new VarveError(
    "E_USAGE",
    `Cannot use ${JSON.stringify(text)} for --format: it is no template`,
    {
      hint: hint ??
        "write fields of the JSON as {{.name}}, all of it as {{.}}; there are no functions",
    },
  );
}

/** The document with its generators as lists. */
function readAll(document: unknown): unknown {
  if (typeof document !== "object" || document === null) return document;
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [key, isGenerator(value) ? [...value] : value]),
  );
}

function isGenerator(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Symbol.iterator in value;
}
