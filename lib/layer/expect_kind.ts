import type { Tree, TreeKind } from "../tree/mod.ts";

/** Checks the kind of a tree. @throws {TypeError} when the tree is of the other kind */
export function expectKind(tree: Tree, kind: TreeKind): void {
  if (tree.kind !== kind) throw new TypeError(`Cannot take a ${tree.kind} tree as a ${kind} tree`);
}
