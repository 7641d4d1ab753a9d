import { openTree, type Tree } from "../tree/mod.ts";

/** Reads the file of a tree that will be walked whole. */
export function readTree(path: string): Tree {
  const bytes = Deno.readFileSync(path);
  return openTree({
    size: bytes.length,
    readSync: (offset, length) => bytes.subarray(offset, offset + length),
  });
}
