import { type Digest, isDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { ingestContent, sourceOf } from "../../image/internal.ts";
import { layerRules } from "../../layer_job/internal.ts";
import { ociLimits } from "../../oci/mod.ts";
import { noteDamaged } from "../../store/internal.ts";
import type { Repair } from "./contract.ts";

/**
 * Gets bytes that the store has lost from the source, of whatever image they are a part there. What is damaged is noted
 * first, so that the ingest brings it again; what is sound is not replaced. No name changes.
 */
export async function healFromSource(
  { store, pool, options, damages, say }: Repair,
): Promise<void> {
  const { from, signal } = options;
  const lost = damages.flatMap(({ site }) =>
    site.at === "blob" ? [site.digest] : site.at === "layer" ? [site.diffId] : []
  );
  if (lost.length === 0) return;
  for (const digest of lost) if (isDigest(digest)) noteDamaged(store, digest as Digest);
  if (from === undefined) return;
  try {
    await ingestContent(store, sourceOf(from), {
      ...layerRules(options),
      pool,
      documents: ociLimits(options.documents),
      verb: "repair",
      signal,
      onWarning: say,
    }, new Set(lost));
    say(`what was missing was looked for in ${from.label}`);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    say(error.message);
  }
}
