import type { Inflater } from "../../codec/compress/mod.ts";
import { IsalInflater } from "./isal_inflater.ts";
import { findIsalFile, type IsalSymbols, openIsal } from "./isal_library.ts";
import { selfTest } from "./isal_self_test.ts";

/** The library, or the reason why it cannot be used. */
type Tried = IsalSymbols | string;

/** Results of the self-test by identity of the file, kept for the life of the thread. */
const tried = new Map<string, Tried>();

/**
 * Returns a function that makes inflaters with libisal, or the reason why libisal cannot be used.
 * Looks for the library and runs the self-test, once per file. Never throws, because any problem is
 * a reason not to use it.
 */
export function isalInflaters(): (() => Inflater) | string {
  const library = tryIsal();
  return typeof library === "string" ? library : () => new IsalInflater(library);
}

function tryIsal(): Tried {
  const file = findIsalFile();
  if (typeof file === "string") return file;
  let known = tried.get(file.identity);
  if (known === undefined) {
    try {
      const library = openIsal(file);
      known = selfTest(library) ?? library;
    } catch (error) {
      known = error instanceof Error ? error.message : String(error);
    }
    tried.set(file.identity, known);
  }
  return known;
}
