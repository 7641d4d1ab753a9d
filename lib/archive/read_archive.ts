import type { LoadedImage } from "../image/mod.ts";
import { ociLimits } from "../oci/mod.ts";
import {
  ingestImages,
  type ReadImage,
  readSource,
  type ReadSourceOptions,
} from "../image/internal.ts";
import type { Store } from "../store/mod.ts";
import { archiveSource, type LoadArchiveOptions, withInputErrors } from "./load.ts";

/**
 * Loads the one image of an archive, with all platforms that are there.
 *
 * @throws {VarveError} `E_USAGE` the archive holds several images, and `image` is not given · as `loadImages`
 */
export async function loadOne(
  store: Store,
  path: string,
  options: Omit<LoadArchiveOptions, "name" | "platform">,
): Promise<LoadedImage[]> {
  const { image, form } = options;
  return await withInputErrors(
    path,
    () =>
      ingestImages(store, archiveSource(path, { image, form, onlyOne: true }), {
        ...options,
        documents: ociLimits(options.ociLimits),
        verb: "load",
      }),
  );
}

/** Options of {@linkcode readArchive}. */
export interface ReadArchiveOptions
  extends ReadSourceOptions, Pick<LoadArchiveOptions, "image" | "form"> {}

/**
 * Reads one image of an archive, for one platform, into a store that holds nothing else.
 *
 * @throws {VarveError} `E_USAGE` the archive holds several images, and `image` is not given · as `loadImages`
 */
export async function readArchive(
  store: Store,
  path: string,
  options: ReadArchiveOptions,
): Promise<ReadImage> {
  const { image, form, platform } = options;
  const source = archiveSource(path, { image, form, platform, onlyOne: true });
  return await withInputErrors(path, () => readSource(store, source, options));
}
