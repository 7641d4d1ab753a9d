import { encodeTree, type Tree } from "../../../lib/tree/mod.ts";

/** The bytes of the file that a tree is stored as. */
export function fileOf(tree: Tree): Uint8Array<ArrayBuffer> {
  const pieces = encodeTree(tree);
  const file = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    file.set(piece, at);
    at += piece.length;
  }
  return file;
}
