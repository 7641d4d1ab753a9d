import { type ReadImage, readSource, type ReadSourceOptions } from "../image/internal.ts";
import type { Store } from "../store/mod.ts";
import { archiveSource, type LoadArchiveOptions, withInputErrors } from "./load.ts";

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
