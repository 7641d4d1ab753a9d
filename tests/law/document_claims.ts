/** What a document says of the code, held against the code: paths, links, constants. */

/** Paths of the project in code spans: `lib/oci/mod.ts`, `tests/golden/`. */
const PATH = /`((?:lib|tests|workers|\.ci)\/[a-z0-9_./]*|mod\.ts|deno\.json)`/g;

/** Links to other files of the project. */
const LINK = /\]\((?!https?:|#)([^)#\s]+)(?:#[^)\s]*)?\)/g;

/** A row of a table that ends in a value and the constant that holds it. */
const CONSTANT =
  /\| +([0-9][0-9,]*)(?: (B|KiB|MiB|GiB|ms))? +\| `([A-Z_]+)` in `([a-z_/]+\.ts)` +\|/g;

/** A constant that a document names, without a value. */
const NAMED = /`([A-Z][A-Z0-9_]+)`[^`|.]* in `([a-z_/]+\.ts)`/g;

/** Values of units. */
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  ms: 1,
};

/** The project that a document speaks of. */
export interface Project {
  /** The text of a file; `undefined` where there is none, `""` for a folder. */
  read(path: string): Promise<string | undefined>;
  /** The exports of a module, for constants that are computed. */
  load(path: string): Promise<Readonly<Record<string, unknown>>>;
}

/** What a document says that does not hold, one line each. */
export async function judgeClaims(
  document: string,
  text: string,
  project: Project,
): Promise<string[]> {
  const out = new Set<string>();
  for (const [, path = ""] of [...text.matchAll(PATH), ...text.matchAll(LINK)]) {
    const found = await project.read(path.replace(/\/$/, ""));
    if (found === undefined) out.add(`${document}: ${path} does not exist`);
  }
  for (const [, name = "", path = ""] of text.matchAll(NAMED)) {
    const source = await project.read(path) ?? "";
    if (!new RegExp(`\\b${name}\\b`).test(source)) out.add(`${document}: no ${name} in ${path}`);
  }
  for (const [, digits = "", unit = "B", name = "", path = ""] of text.matchAll(CONSTANT)) {
    const said = Number(digits.replaceAll(",", "")) * (UNITS[unit] ?? 1);
    const source = await project.read(path);
    const actual = source === undefined
      ? undefined
      : valueOf(source, name) ?? (await project.load(path))[name];
    if (actual !== said) out.add(`${document}: ${name} in ${path} is ${actual}, not ${said}`);
  }
  return [...out].sort();
}

/** The value of `const NAME = 64 * 1024 ** 2;`, or the version in `const NAME = "magic 1\\n";`. */
function valueOf(source: string, name: string): number | undefined {
  const version = new RegExp(`\\bconst ${name} = "[a-z -]+ ([0-9]+)\\\\n";`).exec(source)?.[1];
  if (version !== undefined) return Number(version);
  const written = new RegExp(`\\bconst ${name}(?:: number)? = ([0-9_* ]+);`).exec(source)?.[1];
  if (written === undefined) return undefined;
  return written.split(/(?<!\*) ?\* ?(?!\*)/).reduce((product, factor) => {
    const [base = NaN, exponent = 1] = factor.replaceAll("_", "").split("**").map(Number);
    return product * base ** exponent;
  }, 1);
}
