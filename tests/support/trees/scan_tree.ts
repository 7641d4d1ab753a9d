/** Scans for tests that compare trees: without a layer, and against any root tree. */
import { joinBytes } from "../../../lib/bytes/mod.ts";
import {
  type DirectoryLayer,
  type PoolScan,
  type ScanBase,
  scanInPool,
} from "../../../lib/directory/internal.ts";
import { diffLayer } from "../../../lib/layer/mod.ts";
import { decodeTree, emptyTree, encodeTree, type Tree } from "../../../lib/tree/mod.ts";

/** The base that has the file system of a root tree. */
export function baseOf(tree: Tree): ScanBase {
  return { trees: [joinBytes(encodeTree(diffLayer(emptyTree("root"), tree)))] };
}

/** The result of {@linkcode scanTree}. */
export interface ScannedTree {
  /** What the directory changes, as a layer tree. */
  readonly tree: Tree;
  /** What a layer cannot hold, and what the policy left out. */
  readonly warnings: DirectoryLayer["warnings"];
}

/** Scans a directory without writing a layer; returns only its layer tree. */
export async function scanTree(options: Omit<PoolScan, "target">): Promise<ScannedTree> {
  const { tree, warnings } = await scanInPool(options);
  return { tree: decodeTree(tree as Uint8Array), warnings };
}
