import type { Inflater } from "../../codec/compress/mod.ts";
import { IsalInflater } from "./isal_inflater.ts";
import { findIsalFile, type IsalSymbols, openIsal } from "./isal_library.ts";
import { selfTest } from "./isal_self_test.ts";

/** Whether libisal can be used on this machine. */
export interface IsalFinding {
  /** Path of the library; null when none was found. */
  readonly path: string | null;
  /** Why the library cannot be used; null when it can. */
  readonly unfit: string | null;
}

interface Tried {
  readonly finding: IsalFinding;
  readonly library: IsalSymbols | null;
}

/** Results of the self-test by identity of the file, kept for the life of the thread. */
const tried = new Map<string, Tried>();

/**
 * Looks for libisal and runs the self-test, once per file. Never throws:
 * any problem is a reason not to use the library.
 */
export function findIsal(): IsalFinding {
  return tryIsal().finding;
}

/** A function that makes inflaters by libisal; or the reason why libisal cannot be used. */
export function isalInflaters(): (() => Inflater) | string {
  const { library, finding } = tryIsal();
  if (library === null) return finding.unfit ?? "it cannot be used";
  return () => new IsalInflater(library);
}

function tryIsal(): Tried {
  const file = findIsalFile();
  if (typeof file === "string") return { finding: { path: null, unfit: file }, library: null };
  let known = tried.get(file.identity);
  if (known === undefined) {
    const { path } = file;
    try {
      const library = openIsal(file);
      const unfit = selfTest(library) ?? null;
      known = { finding: { path, unfit }, library: unfit === null ? library : null };
    } catch (error) {
      const unfit = error instanceof Error ? error.message : String(error);
      known = { finding: { path, unfit }, library: null };
    }
    tried.set(file.identity, known);
  }
  return known;
}
