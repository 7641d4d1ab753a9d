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
  /** All annotations of the new manifest: those of the old one that are not here are removed. */
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
 * @param change gets the image as it is, and returns what to change
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PLATFORM` an index without an image for the platform ·
 * `E_DAMAGE` a layer is incomplete · `E_USAGE` a malformed name · `E_LIMIT` the new config or manifest is too large
 *
 * @example
 * ```ts
 * import { importImage, mutateImage, openMemoryStore, readImage } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * await importImage(store, new Blob([new Uint8Array(1024)]).stream(), { name: "app:1" });
 * await mutateImage(store, "app:1", ({ config, manifest }) => ({
 *   config: { env: [...config.config.env ?? [], "PORT=80"] },
 *   annotations: manifest.annotations,
 * }), { name: "app:2" });
 * const { config } = await readImage(store, "app:2");
 * if (config.config.env?.at(-1) !== "PORT=80") throw new Error("it is set");
 * ```
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
