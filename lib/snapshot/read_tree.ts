import type { TreeFile } from "../store/mod.ts";
import { decodeTree, type Tree } from "../tree/mod.ts";

/** Reads the file of a tree that will be walked whole, more than once: all of it is checked now. */
export function readTree({ path, sum }: TreeFile): Tree {
  return decodeTree(Deno.readFileSync(path), sum ?? undefined);
}
