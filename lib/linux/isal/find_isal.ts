import type { Inflater } from "../../codec/compress/mod.ts";
import { IsalInflater } from "./isal_inflater.ts";
import { findIsalFile, type IsalSymbols, openIsal } from "./isal_library.ts";
import { selfTest } from "./isal_self_test.ts";

/** What is known of libisal on this machine. */
export interface IsalFinding {
  /** The library's file, where one was found. */
  readonly path: string | null;
  /** Why it is not used; `null` when it is fit. */
  readonly unfit: string | null;
}

interface Tried {
  readonly finding: IsalFinding;
  readonly library: IsalSymbols | null;
}

/** Verdicts by the file's identity, for as long as the thread lives. */
const tried = new Map<string, Tried>();

/**
 * Looks for libisal and tries it, once for each file. Never throws: any doubt is a reason not to use it.
 */
export function findIsal(): IsalFinding {
  return tryIsal().finding;
}

/** Makes inflaters by libisal, or says why there are none. */
export function isalInflaters(): (() => Inflater) | string {
  const { library, finding } = tryIsal();
  if (library === null) return finding.unfit ?? "it is unfit";
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
