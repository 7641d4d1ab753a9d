import { fromText } from "../bytes/mod.ts";
import {
  documentTime,
  encodeConfig,
  type NewConfig,
  parseImageConfig,
  type Platform,
} from "../oci/mod.ts";
import type { Store } from "../store/mod.ts";
import { lookup } from "../tree/mod.ts";
import type { LoadedImage, LoadOptions } from "./contract.ts";
import { NewImage } from "./new_image.ts";
import type { NewImageOptions } from "./new_image_options.ts";
import { newLayer, type NewLayerSource } from "./new_layer.ts";

/** Options of {@linkcode importImage}. */
export interface ImportOptions extends NewImageOptions, Pick<LoadOptions, "onWarning"> {
  /** What it runs on. */
  readonly platform: Platform;
  /** Fields of the config's container part, by their names in the document (`Cmd`, `Env`). */
  readonly container?: NonNullable<NewConfig["container"]> | undefined;
  /** Free text in the history. */
  readonly comment?: string | undefined;
}

/**
 * Makes an image with one layer of a root filesystem.
 *
 * A tar stays byte for byte what it is: its digest is the layer's diffID, and a compressed one is the
 * blob. It is judged like the layer of any image. The same tar, options and `now` give the same image.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such file · `E_USAGE` a malformed name, or a directory · `E_FORMAT`, `E_COMPRESSION`, … bad data · `E_LIMIT`
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
  await using image = await NewImage.begin(store, options);
  const layer = await newLayer(image, source);
  const created = documentTime(options.now ?? Date.now());
  const { platform, container, comment } = options;
  const config = encodeConfig({
    platform,
    created,
    container,
    diffIds: [layer.diffId],
    history: [{
      created,
      createdBy: "varve import",
      comment,
    }],
  });
  const made = await image.commit([layer], { config: parseImageConfig(config, image) });
  const tree = await store.layers.tree(layer.diffId);
  if (lookup(tree, fromText("oci-layout")) !== undefined) {
    options.onWarning?.(
      "what was imported as a root filesystem looks like an image archive, which 'varve load' takes",
    );
  }
  return made;
}
