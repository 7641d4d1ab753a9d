/**
 * Hides the dynamic imports of bundled code from the start of Deno.
 *
 * Deno follows them before the program begins, to know its modules: it reads, hashes and looks up each part that any
 * verb can load, 3.5 MB in 120 files. So each start took 30 ms of CPU more than its own parts. An import whose name is
 * computed is followed when it is run.
 */

/** A dynamic import of a part, as the bundler writes it. */
const IMPORT = /\bimport\("(\.\/[\w.-]+-[0-9A-Z]{8}\.js)"\)/g;

/** The same code, with parts that Deno finds when they are imported. */
export function lazyParts(code: string): string {
  return code.replaceAll(IMPORT, 'import(String("$1"))');
}
