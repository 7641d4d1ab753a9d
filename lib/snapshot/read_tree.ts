import { decodeTree, type Tree } from "../tree/mod.ts";

/** Reads the file of a tree that will be walked whole, more than once: all of it is checked now. */
export function readTree(path: string): Tree {
  return decodeTree(Deno.readFileSync(path));
}
