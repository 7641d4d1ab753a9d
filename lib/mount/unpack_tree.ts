import type { ByteString } from "../bytes/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import { extractTreeInPool } from "../directory/internal.ts";
import type { ExtractReport } from "../directory/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import type { Tree } from "../tree/mod.ts";
import type { UnpackOptions } from "./unpack_options.ts";
import { unpackWith } from "./unpack_with.ts";

/** What {@linkcode unpackTree} unpacks. */
export interface UnpackedTree {
  /** A layer tree. */
  readonly tree: Tree;
  /** Paths of the tars of all layers that hold content of the tree. */
  readonly tars: ReadonlyMap<DiffId, string>;
  /** The only entry of the tree's root, which becomes the target itself; `undefined`: the root becomes the target. */
  readonly entry?: ByteString | undefined;
}

/**
 * Unpacks a tree, such as a part of an image, as `unpackImage` does an image.
 *
 * @throws {VarveError} as `unpackImage`
 */
export async function unpackTree(
  store: DiskStore,
  { tree, tars, entry }: UnpackedTree,
  path: string,
  options: Omit<UnpackOptions, "platform" | "host"> = {},
): Promise<ExtractReport> {
  return await unpackWith(
    store,
    path,
    options,
    entry,
    (work) => extractTreeInPool({ ...work, store, tree, tars }),
  );
}
