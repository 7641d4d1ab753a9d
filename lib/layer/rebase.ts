import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";

/**
 * The layers of an image on another base: those of `oldBase`, with which it must begin, give way to those
 * of `newBase`.
 *
 * Nothing is run and no content is looked at: what the image's own layers say stays as it was said over
 * the old base. Takes diffIDs, or whatever has one.
 *
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
        `Cannot rebase image: its layer ${i} is not that of the old base`,
        { expected, actual },
      );
    }
  }
  return [...newBase, ...image.slice(oldBase.length)];
}

function diffIdOf(layer: DiffId | { readonly diffId: DiffId }): DiffId {
  return typeof layer === "string" ? layer : layer.diffId;
}
