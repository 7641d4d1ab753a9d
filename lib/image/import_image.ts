import { fromText } from "../bytes/mod.ts";
import {
  type ContainerChange,
  documentTime,
  encodeConfig,
  type ImageConfig,
  parseImageConfig,
  type Platform,
} from "../oci/mod.ts";
import { hostPlatform, type Store } from "../store/mod.ts";
import { lookup } from "../tree/mod.ts";
import type { ImageIngest, IngestedLayer } from "./contract.ts";
import type { LoadOptions } from "./load_options.ts";
import type { LoadedImage, LoadedLayer } from "./loaded_image.ts";
import { makeImage } from "./new_image.ts";
import type { NewImageOptions } from "./new_image_options.ts";
import { newLayer, type NewLayerSource } from "./new_layer.ts";

/** Options of {@linkcode importImage}. */
export interface ImportOptions extends NewImageOptions, Pick<LoadOptions, "onWarning"> {
  /** The platform that the image runs on; this machine's when absent. */
  readonly platform?: Platform | undefined;
  /** Settings for containers of the image. */
  readonly config?: ContainerChange | undefined;
  /** Comment for the history. */
  readonly comment?: string | undefined;
}

/**
 * Makes an image with one layer from the tar of a root filesystem.
 *
 * The bytes of the source, compressed or not, become the blob unchanged. The digest of the uncompressed tar is the
 * diffID. The tar is checked like the layer of any image. The same tar, options and `now` give the same image.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such file · `E_USAGE` a malformed name, or a directory · `E_FORMAT`,
 * `E_COMPRESSION`, … bad data · `E_LIMIT`
 *
 * @example
 * ```ts
 * import { importImage, openMemoryStore } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * const tar = new Blob([new Uint8Array(1024)]).stream();
 * const image = await importImage(store, tar, {
 *   name: "empty:1",
 *   platform: { os: "linux", architecture: "amd64" },
 *   now: 0,
 * });
 * if (image.layers.length !== 1) throw new Error("one tar is one layer");
 * ```
 */
export async function importImage(
  store: Store,
  source: NewLayerSource,
  options: ImportOptions,
): Promise<LoadedImage> {
  return await importLayer(store, (ingest) => newLayer(ingest, source, "import"), options);
}

/** Does the same as {@linkcode importImage}, with a layer that `bring` makes. */
export async function importLayer(
  store: Store,
  bring: (ingest: ImageIngest) => Promise<IngestedLayer>,
  options: ImportOptions,
): Promise<LoadedImage> {
  const made = await makeImage(store, options, async (ingest) => {
    const layer = await bring(ingest);
    return { config: importedConfig(layer, options, ingest), layers: [layer] };
  });
  const tree = await store.layers.tree((made.layers[0] as LoadedLayer).diffId);
  if (lookup(tree, fromText("oci-layout")) !== undefined) {
    options.onWarning?.(
      "the imported root filesystem looks like an image archive; load it as an archive",
    );
  }
  return made;
}

function importedConfig(
  { diffId }: IngestedLayer,
  { platform = hostPlatform(), config, comment, now }: ImportOptions,
  { limits }: ImageIngest,
): ImageConfig {
  const created = documentTime(now ?? Date.now());
  const bytes = encodeConfig({
    platform,
    created,
    config,
    diffIds: [diffId],
    history: [{ created, createdBy: "varve import", comment }],
  });
  return parseImageConfig(bytes, { limits });
}
