import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { lookup, type Tree } from "../../tree/mod.ts";
import type { FilesLayer } from "./open_files.ts";

/**
 * Makes a function that says from which layer an entry comes: the topmost one with an entry of its own for the path.
 * `undefined` for a path that no layer has, such as an implied directory.
 *
 * @param layers lowest first
 */
export function layerFinder(
  layers: readonly FilesLayer[],
): (path: ByteString) => DiffId | undefined {
  const topmost = layers.toReversed();
  return (path) => topmost.find(({ tree }) => hasEntry(tree, path))?.diffId;
}

function hasEntry(tree: Tree, path: ByteString): boolean {
  const node = lookup(tree, path);
  return node !== undefined && !(node.type === "directory" && node.implied);
}
