import { foldSteps } from "../layer/internal.ts";
import { inTurns } from "../pool/internal.ts";
import { type ImageArgument, type PlatformChoice, readImage, type Store } from "../store/mod.ts";
import { emptyTree, type Tree } from "../tree/mod.ts";

/** Options of {@linkcode imageTree}. */
export interface ImageTreeOptions extends PlatformChoice {
  /** Aborts the work. */
  readonly signal?: AbortSignal | undefined;
}

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
  options: ImageTreeOptions = {},
): Promise<Tree> {
  const { layers } = await readImage(store, image, options);
  if (layers.length === 0) return emptyTree("root");
  const trees = await Promise.all(layers.map(({ diffId }) => store.layers.tree(diffId)));
  return await inTurns(foldSteps(trees), options.signal);
}
