import type { Damage } from "./damage.ts";

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
