import type { Damage } from "./damage.ts";

/**
 * Says of a snapshot without its parent that a repair heals it, while a layer is there without its row, or the reverse.
 * A rebuild makes no layer again, and without the layer it cannot make the parent.
 */
export function judgeDangling(damages: readonly Damage[]): Damage[] {
  const isMissing = damages.some(({ site, healedBy }) =>
    healedBy === "repair" &&
    (site.at === "layer" && site.cacheId === null || site.at === "orphan" && site.home === "layers")
  );
  return damages.map((damage) => {
    const { kind, site } = damage;
    const isDangling = kind === "dangling" && site.at === "row" && site.table === "snapshot";
    return isMissing && isDangling ? { ...damage, healedBy: "repair" } : damage;
  });
}

/**
 * Says of what is healed from a tar that it needs a source, where the tar itself needs one: the blob of an uncompressed
 * layer and the tree.
 */
export function judgeSources(damages: readonly Damage[]): Damage[] {
  const lost = new Set(
    damages.flatMap(({ kind, site, healedBy }) =>
      kind === "layer" && site.at === "layer" && healedBy === "source" ? [site.diffId] : []
    ),
  );
  return damages.map((damage) => {
    const { site, healedBy } = damage;
    const from = site.at === "blob" ? site.digest : site.at === "layer" ? site.diffId : undefined;
    return healedBy === "repair" && from !== undefined && lost.has(from)
      ? { ...damage, healedBy: "source" }
      : damage;
  });
}
