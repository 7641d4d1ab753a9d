/**
 * containerd's filter syntax (`pkg/filters`). A filter is a list of selectors `fieldpath [op value]`, joined by commas.
 * All of them must match. `op` is `==`, `!=` or `~=`. A selector without `op` and value matches if the field is
 * present. Fields are `name`, `parent`, `kind` and `labels.<key>`. Parts of a path, and values, may be quoted as Go
 * strings. A regular expression may also be quoted by `/` or `|`.
 */
import { VarveError } from "../errors.ts";
import { SNAPSHOT_REF_LABEL } from "../store/internal.ts";
import type { SnapshotRow } from "../store/mod.ts";
import { isStateLabel } from "./keys.ts";
import type { ReadTable } from "./machine.ts";

interface Selector {
  readonly path: readonly string[];
  /** The value that the field must have; absent for another operator. */
  readonly equals?: string | undefined;
  readonly test: (value: string | undefined) => boolean;
}

/** Longest filter, in characters. */
const MAX_FILTER_LENGTH = 16 * 1024;

/** Escapes of one letter in a Go string. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["\\", "\\"],
  ['"', '"'],
]);

/** Filters that were read. */
export interface CompiledFilters {
  /** Whether a row passes one of the filters; without filters every row passes. */
  readonly passes: (row: SnapshotRow) => boolean;
  /** Reads rows, by an index where each filter allows it. All rows that pass are among them. */
  readonly rows: (table: ReadTable) => readonly SnapshotRow[];
}

/** Reads filters. @throws {VarveError} `E_USAGE` a filter is malformed */
export function compileFilters(filters: readonly string[]): CompiledFilters {
  if (filters.length === 0) return { passes: () => true, rows: (table) => table.list() };
  const compiled = filters.map((filter) => new Parser(filter).selectors());
  const indexes = compiled.map(indexOf);
  return {
    passes: (row) =>
      compiled.some((selectors) => selectors.every((s) => s.test(fieldOf(row, s.path)))),
    rows: (table) => {
      const found = new Map<string, SnapshotRow>();
      for (const index of indexes) {
        if (index === undefined) return table.list();
        for (const row of index(table)) found.set(row.key, row);
      }
      return found.size < 2 ? [...found.values()] : sortedByKey(found);
    },
  };
}

type Index = (table: ReadTable) => readonly SnapshotRow[];

/** The index that finds the rows of a filter; the most selective first. */
function indexOf(selectors: readonly Selector[]): Index | undefined {
  const valueOf = (field: string) =>
    selectors.find(({ path, equals }) => equals !== undefined && path.join("\0") === field)?.equals;
  const name = valueOf("name");
  if (name !== undefined) return (table) => [table.get(name) ?? []].flat();
  const ref = valueOf(`labels\0${SNAPSHOT_REF_LABEL}`);
  if (ref !== undefined) return (table) => table.byRef(ref);
  const parent = valueOf("parent");
  return parent === undefined
    ? undefined
    : (table) => table.children(parent === "" ? null : parent);
}

const encoder = new TextEncoder();

/** Sorts rows by the bytes of their keys, as the table does. */
function sortedByKey(rows: ReadonlyMap<string, SnapshotRow>): SnapshotRow[] {
  return [...rows].map(([key, row]) => ({ row, bytes: encoder.encode(key) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .map(({ row }) => row);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length - b.length : (a[at] as number) - (b[at] ?? -1);
}

function fieldOf(row: SnapshotRow, path: readonly string[]): string | undefined {
  const [field, ...rest] = path;
  if (field === "labels" && rest.length > 0) {
    const key = rest.join(".");
    // The labels of containerd's snapshots are containerd's: it sees no others.
    if (row.scope !== "" && isStateLabel(key)) return undefined;
    return Object.hasOwn(row.labels, key) ? row.labels[key] : undefined;
  }
  if (rest.length > 0) return undefined;
  if (field === "name") return row.key;
  if (field === "parent") return row.parent ?? "";
  if (field === "kind") return row.kind;
  return undefined;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    if (text.length > MAX_FILTER_LENGTH) {
      throw new VarveError(
        "E_USAGE",
        `Cannot read a filter: longer than ${MAX_FILTER_LENGTH} characters`,
      );
    }
    this.#text = text;
  }

  selectors(): Selector[] {
    const out: Selector[] = [];
    if (this.#text === "") return out;
    do out.push(this.#selector()); while (this.#match(/,/y) !== undefined);
    this.#match(/(?:)/y);
    if (this.#at < this.#text.length) this.#fail("unexpected characters");
    return out;
  }

  #selector(): Selector {
    const path = [this.#field()];
    while (this.#match(/\./y) !== undefined) path.push(this.#field());
    const operator = this.#match(/[=!~]+/y);
    switch (operator) {
      case undefined:
        return { path, test: (value) => value !== undefined };
      case "==": {
        const wanted = this.#value();
        return { path, equals: wanted, test: (value) => value === wanted };
      }
      case "!=": {
        const unwanted = this.#value();
        return { path, test: (value = "") => value !== unwanted };
      }
      case "~=": {
        const pattern = this.#pattern();
        return { path, test: (value = "") => pattern.test(value) };
      }
    }
    this.#fail(`unknown operator ${operator}`);
  }

  #field(): string {
    return this.#quoted() ?? this.#match(/[A-Za-z0-9_-]+/y) ?? this.#fail("expected a field");
  }

  #value(): string {
    return this.#quoted() ?? this.#match(/[^,.=!~"\/|\s][^,\s]*/y) ??
      this.#fail("expected a value");
  }

  #pattern(): RegExp {
    const quoted = this.#match(/\/(?:[^\/\\\n]|\\.)*\/|\|(?:[^|\\\n]|\\.)*\|/y);
    // Between `/` or `|`, a backslash belongs to the expression, except before the quote itself.
    const source = quoted === undefined
      ? this.#value()
      : quoted.slice(1, -1).replaceAll(`\\${quoted.charAt(0)}`, quoted.charAt(0));
    const flags = /^\(\?([ims]+)\)/.exec(source);
    const body = source.slice(flags?.[0].length ?? 0);
    for (const unicode of ["u", ""]) {
      try {
        return new RegExp(body, [...new Set(flags?.[1])].join("") + unicode);
      } catch {
        // The next try, without "u", allows more escapes, as Go does.
      }
    }
    this.#fail("the regular expression is malformed");
  }

  /** Reads a quoted Go string and resolves its escapes. */
  #quoted(): string | undefined {
    const text = this.#match(/"(?:[^"\\\n]|\\.)*"/y);
    return text?.slice(1, -1).replace(
      /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/gs,
      (_, escape: string) => this.#unescape(escape),
    );
  }

  #unescape(escape: string): string {
    const simple = ESCAPES.get(escape);
    if (simple !== undefined) return simple;
    const code = /^[xuU]./.test(escape)
      ? parseInt(escape.slice(1), 16)
      : escape.length === 3
      ? parseInt(escape, 8)
      : NaN;
    if (!(code <= 0x10ffff)) this.#fail(`unknown escape \\${escape}`);
    return String.fromCodePoint(code);
  }

  /** Reads the next token if it matches. Blanks before it are skipped. */
  #match(pattern: RegExp): string | undefined {
    const start = this.#at + (/^\s*/.exec(this.#text.slice(this.#at))?.[0].length ?? 0);
    pattern.lastIndex = start;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at = start + found.length;
    return found;
  }

  #fail(state: string): never {
    throw new VarveError(
      "E_USAGE",
      `Cannot read filter ${JSON.stringify(this.#text)}: ${state} at character ${this.#at + 1}`,
    );
  }
}
