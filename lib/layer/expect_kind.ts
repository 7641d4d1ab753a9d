import type { Tree, TreeKind } from "../tree/mod.ts";

/** Refuses a tree of the other kind. @throws {TypeError} when it is one */
export function expectKind(tree: Tree, kind: TreeKind): void {
  if (tree.kind !== kind) throw new TypeError(`Cannot take a ${tree.kind} tree as a ${kind} tree`);
}
