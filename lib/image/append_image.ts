import { appendLayer, documentTime } from "../oci/mod.ts";
import { type ImageArgument, readImage, type Store } from "../store/mod.ts";
import type { LoadedImage } from "./loaded_image.ts";
import { makeImage } from "./new_image.ts";
import type { NewImageOptions } from "./new_image_options.ts";
import { newLayer, type NewLayerSource } from "./new_layer.ts";

/**
 * Makes an image with one more layer on top, from a layer tar (as `crane append`).
 *
 * The tar stays unchanged, byte for byte. Whiteouts in it hide files of the layers below. If the image is an index, the
 * options `platform` and `host` select the image to append to.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image or file · `E_USAGE` a malformed name, or a directory ·
 *   `E_FORMAT`, `E_COMPRESSION`, … bad data · `E_DAMAGE` a layer below is incomplete · `E_LIMIT`
 *
 * @example
 * ```ts ignore
 * const image = await appendImage(store, "app:1", "config.tar", { name: "app:2" });
 * ```
 */
export async function appendImage(
  store: Store,
  image: ImageArgument,
  source: NewLayerSource,
  options: NewImageOptions,
): Promise<LoadedImage> {
  return await makeImage(store, options, async (ingest) => {
    const below = await readImage(store, image, options);
    const layers = await ingest.layers.take(below.layers);
    const layer = await newLayer(ingest, source, "append");
    const created = documentTime(options.now ?? Date.now());
    const entry = { created, createdBy: "varve append" };
    return {
      config: appendLayer(below.config, layer.diffId, entry, ingest),
      layers: [...layers, layer],
      annotations: below.manifest.annotations,
    };
  });
}
