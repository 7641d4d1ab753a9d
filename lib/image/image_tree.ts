import { foldLayers } from "../layer/mod.ts";
import { type ImageArgument, type PlatformChoice, readImage, type Store } from "../store/mod.ts";
import { emptyTree, type Tree } from "../tree/mod.ts";

/**
 * Reads the root tree of an image: the files and directories that a mount of the image shows. The tree reads a
 * directory from the store only when the directory is needed.
 *
 * @throws {VarveError} as `readImage` · `E_DAMAGE` a layer is incomplete
 *
 * @example
 * ```ts
 * import { imageTree, importImage, openMemoryStore, rootOf } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * await importImage(store, new Blob([new Uint8Array(1024)]).stream(), { name: "empty:1" });
 * const tree = await imageTree(store, "empty:1");
 * if (rootOf(tree).type !== "directory") throw new Error("never");
 * ```
 */
export async function imageTree(
  store: Store,
  image: ImageArgument,
  options: PlatformChoice = {},
): Promise<Tree> {
  const { layers } = await readImage(store, image, options);
  if (layers.length === 0) return emptyTree("root");
  return foldLayers(await Promise.all(layers.map(({ diffId }) => store.layers.tree(diffId))));
}
