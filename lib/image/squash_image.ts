import { VarveError } from "../errors.ts";
import { documentTime, squashedConfig } from "../oci/mod.ts";
import { type ImageArgument, readImage, type Store } from "../store/mod.ts";
import { exportTree } from "./export_image.ts";
import { imageTree } from "./image_tree.ts";
import type { LoadedImage } from "./loaded_image.ts";
import { makeImage } from "./new_image.ts";
import type { NewImageOptions } from "./new_image_options.ts";
import { newLayer } from "./new_layer.ts";

/** The policy was applied when the layers entered the store. The squashed layer keeps everything. */
const KEEP_ALL = { devices: "keep", ima: "keep" } as const;

/**
 * Makes an image with a single layer, which merges all layers of another image.
 *
 * The layer is the flat tar that {@linkcode exportImage} writes. The same image gives the same layer on any machine. It
 * has no whiteouts, because there is no layer below it. The history keeps its steps, now without layers, and gets one
 * more step for the new layer.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PRECONDITION` it has no layers · `E_DAMAGE`, `E_DIGEST` a
 *   layer is damaged · `E_USAGE` a malformed name
 *
 * @example
 * ```ts ignore
 * const image = await squashImage(store, "app:1", { name: "app:squashed" });
 * ```
 */
export async function squashImage(
  store: Store,
  image: ImageArgument,
  options: NewImageOptions,
): Promise<LoadedImage> {
  return await makeImage(store, { ...options, policy: KEEP_ALL }, async (ingest) => {
    const before = await readImage(store, image, options);
    const count = before.layers.length;
    if (count === 0) {
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot squash ${before.record.name}: it has no layers`,
        { subject: before.record.name },
      );
    }
    // The ingest protects the layers from removal while they are read.
    await ingest.layers.take(before.layers);
    const tree = await imageTree(store, before, { signal: ingest.signal });
    const open = store.layers.reader.bind(store.layers);
    const layer = await newLayer(
      ingest,
      exportTree(tree, open, { signal: ingest.signal }),
      "squash",
    );
    const config = squashedConfig(before.config, layer.diffId, {
      created: documentTime(options.now ?? Date.now()),
      createdBy: "varve squash",
      comment: `${count} ${count === 1 ? "layer" : "layers"} as one`,
    }, ingest);
    return { config, layers: [layer], annotations: before.manifest.annotations };
  });
}
