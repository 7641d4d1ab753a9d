import type { Damage } from "./damage.ts";

/** The one field of a layer's row that no check of the bytes proves. */
const UNPROVED = "dirty padding ";

/**
 * Judges markers of layers that differ from their rows, after a deep check: if the bytes of the layer are those that
 * the row says, the marker is wrong, and a repair writes it again from the row.
 *
 * @param damages everything that was found, of all layers
 */
export function judgeMarkers(damages: readonly Damage[]): Damage[] {
  const unsound = new Set(
    damages.flatMap(({ site }) => site.at === "layer" ? [site.cacheId] : []),
  );
  return damages.map((damage) => {
    const { site, kind, expected, healedBy } = damage;
    const isProved = kind === "marker" && site.at === "marker" && site.home === "layers" &&
      healedBy === "rebuild" && !unsound.has(site.cacheId) && !expected.startsWith(UNPROVED);
    return isProved ? { ...damage, healedBy: "repair" } : damage;
  });
}
