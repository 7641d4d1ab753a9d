// deno-lint-ignore-file no-unused-vars
import type { Node, Tree } from "../tree/mod.ts";
import type { ByteString } from "../bytes/mod.ts";
function later(): never {
  throw new Error("not yet");
}
export function applyLayer(base: Tree, layer: Tree): Tree {
  return later();
}
export function foldLayers(layers: readonly Tree[]): Tree {
  return later();
}
export function diffTrees(a: Tree, b: Tree): Tree {
  return later();
}
/** A difference between two trees. */
export interface Change {
  /** What happened. */
  readonly kind: "add" | "modify" | "delete";
  /** Where, without leading slash. */
  readonly path: ByteString;
  /** The node before, unless added. */
  readonly before?: Node;
  /** The node after, unless deleted. */
  readonly after?: Node;
}
export function changes(a: Tree, b: Tree): Iterable<Change> {
  return later();
}
export function squashLayers(layers: readonly Tree[]): Tree {
  return later();
}
