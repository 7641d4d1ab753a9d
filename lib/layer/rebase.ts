import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";

/**
 * Moves an image to another base: the layers of `newBase` replace those of `oldBase`. The image
 * must begin with the layers of `oldBase`.
 *
 * It compares only the lists of layers. The image's own layers stay as they were built on the old
 * base, whether or not they make sense on the new base.
 *
 * @param image layers of the image, lowest first: diffIDs, or values with a diffID
 * @returns the layers of the new image, lowest first
 * @throws {VarveError} `E_PRECONDITION` when the image does not begin with the old base
 */
export function rebaseLayers<T extends DiffId | { readonly diffId: DiffId }>(
  image: readonly T[],
  oldBase: readonly T[],
  newBase: readonly T[],
): T[] {
  for (let i = 0; i < oldBase.length; i++) {
    const expected = diffIdOf(oldBase[i] as T);
    const actual = i < image.length ? diffIdOf(image[i] as T) : "none";
    if (actual !== expected) {
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot rebase image: its layer ${i} differs from the old base`,
        { expected, actual },
      );
    }
  }
  return [...newBase, ...image.slice(oldBase.length)];
}

function diffIdOf(layer: DiffId | { readonly diffId: DiffId }): DiffId {
  return typeof layer === "string" ? layer : layer.diffId;
}
