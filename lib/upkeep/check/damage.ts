import type { FileFact } from "../../store/internal.ts";
import type { Finding } from "../contract.ts";

/** Where the damage is, for a repair. */
export type Site =
  /** The file of a blob. One without a row has the target of the image name that needs it. */
  | { readonly at: "blob"; readonly digest: string; readonly image?: string }
  /**
   * A file of a layer. One without a row has no cache id, the target of the image name that needs it, and the blob that
   * the manifest names.
   */
  | {
    readonly at: "layer";
    readonly diffId: string;
    readonly cacheId: number | null;
    readonly image?: string;
    readonly blob?: string;
  }
  /** The directory of a chain, or a directory of a driver in the directory of a layer or of a chain. */
  | {
    readonly at: "derived";
    readonly path: string;
    readonly chainId: string | null;
    /** The layers whose content is in it. */
    readonly diffIds: readonly string[];
  }
  /** The marker of a directory with a cache id. */
  | { readonly at: "marker"; readonly home: Home; readonly cacheId: number }
  /** A directory with a cache id that has no row. */
  | { readonly at: "orphan"; readonly home: Home; readonly cacheId: number }
  /** A file of the content store that has no row. */
  | { readonly at: "orphan-blob"; readonly digest: string }
  /** A snapshot. */
  | { readonly at: "snapshot"; readonly key: string }
  /** A row. */
  | { readonly at: "row"; readonly table: string; readonly key: string }
  /** A row that says which bytes were proved to be a layer, and that its marker records. */
  | { readonly at: "proof"; readonly diffId: string; readonly cacheId: number }
  /** The row of a chain of an image: the target of its name, and the layers of the chain, lowest first. */
  | { readonly at: "chain"; readonly image: string; readonly diffIds: readonly string[] }
  /** The index of the layout. */
  | { readonly at: "index" }
  /** A path whose mode or owner is wrong, and its right mode. */
  | { readonly at: "mode"; readonly path: string; readonly mode: number }
  /** A path that nothing explains. */
  | { readonly at: "path"; readonly path: string }
  /** The database. */
  | { readonly at: "database" };

/** A directory of directories with cache ids. */
export type Home = "layers" | "chains" | "snapshots";

/** A finding before it is known whom it affects. */
export interface Damage extends Omit<Finding, "affects"> {
  /** Where it is. */
  readonly site: Site;
}

/** Takes the damage that a check finds. */
export type Report = (damage: Damage) => void;

/** Reports a row that says something wrong: its table, its key, what is right, and what it says. */
export function rowReport(
  report: Report,
): (table: string, key: string, expected: string, actual: string) => void {
  return (table, key, expected, actual) =>
    report({
      kind: "row",
      what: `row of ${table} ${key}`,
      expected,
      actual,
      healedBy: "rebuild",
      site: { at: "row", table, key },
    });
}

/** What is found where a directory is in the place of a file. A repair cannot replace it, and does not remove it. */
export const DIRECTORY = "a directory";

/** The state of a file that should be a regular file of a known size; `undefined` when it is one. */
export function wrongSize(file: FileFact | undefined, size: number): string | undefined {
  if (file === undefined) return "missing";
  if (file.type !== "file") return `a ${file.type}`;
  return file.size === size ? undefined : bytes(file.size);
}

/** What is found of something that is named and has no row. */
export const NO_ROW = "no row";

/** What is found of bytes that an earlier read or check found wrong. */
export const NOTED = "noted as damaged";

/** Joins what an earlier read noted of bytes with what this check finds of them: it is one damage. */
export function joinNoted(damages: readonly Damage[]): Damage[] {
  const thing = ({ kind, what }: Damage) => JSON.stringify([kind, what]);
  const noted = new Set(damages.filter(({ actual }) => actual === NOTED).map(thing));
  const seen = new Set(damages.filter(({ actual }) => actual !== NOTED).map(thing));
  return damages.filter((damage) => damage.actual !== NOTED || !seen.has(thing(damage)))
    .map((damage) =>
      noted.has(thing(damage)) && damage.actual !== NOTED
        ? { ...damage, actual: `${damage.actual}, and ${NOTED}` }
        : damage
    );
}

/** What a finding expects of a file with `size` bytes, of which it found `actual`. */
export function expectedFor(actual: string, size: number): string {
  return actual === NOTED ? "sound bytes" : bytes(size);
}

/** A number of bytes as text. */
export function bytes(count: number): string {
  return `${count} bytes`;
}

/** The user whose store is checked, and who must own every file. */
export interface Ownership {
  /** Id of the user. */
  readonly uid: number;
  /** Absolute path of the store's root. */
  readonly root: string;
}

/**
 * Reports a wrong owner or mode.
 *
 * @param path path in the store
 * @param mode the right mode
 */
export function checkMode(
  report: Report,
  { uid, root }: Ownership,
  path: string,
  file: FileFact,
  mode: number,
): void {
  const isRight = file.mode === mode;
  if (isRight && file.uid === uid) return;
  report({
    kind: "mode",
    what: path,
    expected: isRight ? `owner ${uid}` : `mode ${octal(mode)}`,
    actual: isRight ? `owner ${file.uid}` : `mode ${octal(file.mode)}`,
    healedBy: file.uid === uid ? "repair" : "user",
    site: { at: "mode", path: `${root}/${path}`, mode },
  });
}

/** Reports a name that nothing explains. */
export function checkStray(report: Report, { root }: Ownership, path: string): void {
  report({
    kind: "stray",
    what: path,
    expected: "nothing",
    actual: "a file or directory that is not the store's",
    healedBy: "user",
    site: { at: "path", path: `${root}/${path}` },
  });
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}
