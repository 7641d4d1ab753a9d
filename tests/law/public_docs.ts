/** What the documentation of the public API says, and what it may say. */
import { PROJECT } from "./sources.ts";

/** A text that `deno doc` shows, and the symbol or module that it documents. */
export interface PublicText {
  readonly of: string;
  readonly text: string;
}

/** The documentation of all entry points. */
export interface PublicDocs {
  readonly texts: readonly PublicText[];
  /** Names of exported symbols by entry point, such as `@varve/varve/tar`. */
  readonly exported: Readonly<Record<string, ReadonlySet<string>>>;
  /** Names of exported symbols, and of their members, parameters and types. */
  readonly known: ReadonlySet<string>;
}

interface DocModule {
  readonly module_doc?: unknown;
  readonly symbols: readonly { readonly name: string }[];
}

/** Reads the documentation of entry points: name in `deno.json` → path. */
export async function readPublicDocs(
  exports: Readonly<Record<string, string>>,
  root: string = PROJECT,
): Promise<PublicDocs> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...Object.values(exports)],
    cwd: root,
    stdout: "piped",
    stderr: "null",
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, DocModule>;
  };
  const texts: PublicText[] = [];
  const known = new Set<string>();
  const exported: Record<string, Set<string>> = {};
  for (const [name, path] of Object.entries(exports)) {
    const module = nodes[new URL(path, `file://${root}/`).href];
    if (module === undefined) throw new Error(`Cannot read the documentation of ${path}`);
    exported[name.replace(/^\./, "@varve/varve")] = new Set(module.symbols.map(({ name }) => name));
    addTexts(module.module_doc, path, texts);
    for (const symbol of module.symbols) collect(symbol, symbol.name, texts, known);
  }
  return { texts, exported, known };
}

/** Collects the documentation and the names in the description of a symbol. */
function collect(value: unknown, of: string, texts: PublicText[], known: Set<string>): void {
  if (Array.isArray(value)) { for (const item of value) collect(item, of, texts, known); }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  for (const [key, child] of Object.entries(value)) {
    if (key === "jsDoc") addTexts(child, of, texts);
    else if (key === "name" && typeof child === "string") known.add(child);
    else collect(child, of, texts, known);
  }
}

function addTexts(value: unknown, of: string, texts: PublicText[]): void {
  if (typeof value === "string") texts.push({ of, text: value });
  else if (typeof value === "object" && value !== null) {
    for (const child of Object.values(value)) addTexts(child, of, texts);
  }
}

/** What documentation names that a user cannot reach. `hidden` are the exported names of files of `lib/`. */
export function unreachable(
  { texts, exported, known }: PublicDocs,
  hidden: ReadonlySet<string>,
): string[] {
  const out = new Set<string>();
  for (const { of, text } of texts) {
    for (const [, name = ""] of text.matchAll(/\{@link(?:code|plain)? (\w+)/g)) {
      if (!known.has(name)) out.add(`${of}: there is no ${name} to link to`);
    }
    // A single word may be a field of a document.
    for (const [, name = ""] of text.matchAll(/`(\w*[a-z][A-Z]\w*)(?:\(\))?`/g)) {
      if (hidden.has(name) && !known.has(name)) out.add(`${of}: ${name} is not exported`);
    }
    for (const [, names = "", source = ""] of text.matchAll(IMPORTS)) {
      if (source.startsWith(".")) out.add(`${of}: its example imports ${source}`);
      const there = exported[source];
      if (there === undefined) continue;
      for (
        const name of names.split(",").map((one) => one.trim().replace(/^type |(?<=\w) as .*/g, ""))
      ) {
        if (name !== "" && !there.has(name)) out.add(`${of}: ${source} exports no ${name}`);
      }
    }
  }
  return [...out].sort();
}

const IMPORTS = /\bimport\s*(?:type\s*)?(?:\{([^}]*)\}|\* as \w+)?\s*(?:from)?\s*\(?"([^"]+)"/g;
