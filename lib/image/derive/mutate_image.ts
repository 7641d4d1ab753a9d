import {
  appendLayer,
  type ContainerChange,
  documentTime,
  editConfig,
  type ImageConfig,
} from "../../oci/mod.ts";
import { type ImageArgument, readImage, type Store, type StoredImage } from "../../store/mod.ts";
import type { LoadedImage } from "../loaded_image.ts";
import { makeImage } from "../new_image.ts";
import type { NewImageOptions } from "../new_image_options.ts";

/** What {@linkcode mutateImage} changes. */
export interface Mutation {
  /** Changes to how a container of the image runs. */
  readonly config: ContainerChange;
  /** Fields of the config document's part `config` to remove that {@linkcode config} does not know. */
  readonly removed?: readonly string[] | undefined;
  /** Author of the image. */
  readonly author?: string | undefined;
  /** All annotations of the new manifest. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Options of {@linkcode mutateImage}. */
export interface MutateOptions extends NewImageOptions {
  /** Comment for the history. */
  readonly comment?: string | undefined;
  /** Whether the history gets a step, as with umoci. Default: true. */
  readonly history?: boolean | undefined;
}

/**
 * Makes an image with another config and the same layers (as `crane mutate` and `umoci config`).
 *
 * @param change returns the changes to an image
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_USAGE` a malformed name · `E_LIMIT`
 */
export async function mutateImage(
  store: Store,
  image: ImageArgument,
  change: (image: StoredImage) => Mutation,
  options: MutateOptions,
): Promise<LoadedImage> {
  return await makeImage(store, options, async (ingest) => {
    const before = await readImage(store, image, options);
    const layers = await ingest.layers.take(before.layers);
    const { config: container, removed = [], author, annotations } = change(before);
    const created = documentTime(options.now ?? Date.now());
    const edited = editConfig(withoutFields(before.config, removed), {
      created,
      author,
      config: container,
    }, ingest);
    const step = { created, createdBy: "varve mutate", author, comment: options.comment };
    return {
      config: options.history === false ? edited : appendLayer(edited, null, step, ingest),
      layers,
      annotations: Object.keys(annotations).length === 0 ? undefined : annotations,
    };
  });
}

/** A config whose document lacks some fields of its part `config`. */
function withoutFields(config: ImageConfig, removed: readonly string[]): ImageConfig {
  const container = config.document.config;
  if (removed.length === 0 || container === null || typeof container !== "object") return config;
  const kept = Object.entries(container).filter(([name]) => !removed.includes(name));
  return { ...config, document: { ...config.document, config: Object.fromEntries(kept) } };
}
