import { rebaseLayers } from "../layer/mod.ts";
import { documentTime, rebasedConfig } from "../oci/mod.ts";
import { NAMELESS } from "../store/internal.ts";
import { type ImageArgument, readImage, type Store, type StoredImage } from "../store/mod.ts";
import type { LoadedImage } from "./loaded_image.ts";
import { makeImage } from "./new_image.ts";
import type { NewImageOptions } from "./new_image_options.ts";

/** Options of {@linkcode rebaseImage}. */
export interface RebaseOptions extends NewImageOptions {
  /** The base on which the image was built. Its layers are the lowest layers of the image. */
  readonly oldBase: ImageArgument;
  /** The base that replaces the old base. */
  readonly newBase: ImageArgument;
}

/**
 * Moves an image's own layers to another base, without running or unpacking anything (as `crane rebase`).
 *
 * The settings for containers, such as `Cmd` and `Env`, stay those of the image, including settings that it inherited
 * from the old base. The base annotations name the new base.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PRECONDITION` the image does not begin with the old
 *   base · `E_PLATFORM` the new base is for another platform · `E_DAMAGE` a layer is incomplete · `E_USAGE` a
 * malformed name
 *
 * @example
 * ```ts ignore
 * const bases = { oldBase: "debian:12.1", newBase: "debian:12.2" };
 * const image = await rebaseImage(store, "app:1", { ...bases, name: "app:2" });
 * ```
 */
export async function rebaseImage(
  store: Store,
  image: ImageArgument,
  options: RebaseOptions,
): Promise<LoadedImage> {
  return await makeImage(store, options, async (ingest) => {
    const own = await readImage(store, image, options);
    // Choose the bases for the platform of the image, not of this machine.
    const choice = { platform: options.platform, host: own.config.platform };
    const [old, next] = [
      await readImage(store, options.oldBase, choice),
      await readImage(store, options.newBase, choice),
    ];
    const layers = rebaseLayers(own.layers, old.layers, next.layers);
    const created = documentTime(options.now ?? Date.now());
    return {
      config: rebasedConfig(own.config, old.config, next.config, created, ingest),
      layers: await ingest.layers.take(layers),
      annotations: { ...own.manifest.annotations, ...baseAnnotations(next) },
    };
  });
}

/** The annotations that name the base of an image (image-spec, annotations.md). */
function baseAnnotations({ record, descriptor }: StoredImage): Record<string, string> {
  const name = record.name.startsWith(NAMELESS)
    ? {}
    : { "org.opencontainers.image.base.name": record.name };
  return { "org.opencontainers.image.base.digest": descriptor.digest, ...name };
}
