import { viewLayers } from "../layer/internal.ts";
import { type ImageArgument, type PlatformChoice, readImage, type Store } from "../store/mod.ts";
import type { OverlayView } from "../tree/internal.ts";

/**
 * Opens a view of the root tree of an image: shows a few of its paths without making the tree.
 *
 * @throws {VarveError} as `readImage` · `E_DAMAGE` a layer is incomplete
 */
export async function imageView(
  store: Store,
  image: ImageArgument,
  options: PlatformChoice = {},
): Promise<OverlayView> {
  const { layers } = await readImage(store, image, options);
  return viewLayers(await Promise.all(layers.map(({ diffId }) => store.layers.tree(diffId))));
}
