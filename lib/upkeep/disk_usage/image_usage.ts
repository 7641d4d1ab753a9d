import { reachedFrom, requireDisk } from "../../store/internal.ts";
import type { Store } from "../../store/mod.ts";
import type { ImageUsage } from "./contract.ts";
import { detailsOf } from "./details.ts";
import { measure } from "./measure.ts";
import { unitsOf } from "./units.ts";

/**
 * Measures what one image takes on the disk: the same as its row of {@linkcode diskUsage}, but it looks only at the
 * files that the image needs.
 *
 * @param name full name of the image, as the store lists it
 * @returns `undefined` when no image has that name
 * @throws {VarveError} `E_UNSUPPORTED` the store has no directories
 */
export async function imageUsage(
  store: Store,
  name: string,
  signal?: AbortSignal,
): Promise<ImageUsage | undefined> {
  const disk = requireDisk(store, "measure an image");
  const marks = reachedFrom(disk, `image:${name}`);
  const units = unitsOf(disk).filter(({ thing }) => thing !== null && marks.keeps(thing));
  const { images } = detailsOf(disk, units, await measure(units, signal));
  return images.find(({ names }) => names.includes(name));
}
