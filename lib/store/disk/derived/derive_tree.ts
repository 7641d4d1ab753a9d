/**
 * Trees of other versions: a later varve may write the file of a layer tree in another form. The tree is then derived
 * again from the layer's tar, because everything that it says is in there.
 *
 * @module
 */
import type { DiffId } from "../../../digest/mod.ts";
import { isBadData, type VarveError } from "../../../errors.ts";
import { layerJob } from "../../../layer_job/internal.ts";
import type { LayerJobOutput, LayerRules } from "../../../layer_job/mod.ts";
import { createPool, type Pool } from "../../../pool/mod.ts";
import type { Ingest, StagedLayer } from "../../contract.ts";
import type { Disk } from "../context.ts";
import { layerDamage } from "../damage.ts";
import type { LayerRow } from "../database/records.ts";
import { LAYER_FILES } from "../names.ts";
import { PLAIN_LAYER } from "../../rules.ts";
import { ACCEPTED_RULES } from "./accepted_rules.ts";

/** Begins an ingest into the store of a tree. */
export type BeginIngest = () => Promise<Ingest>;

/**
 * Derives the tree of a layer from its tar and proves the tar. The layer's files are replaced, as by a load.
 *
 * @param pool runs the job; without it, the job runs on this thread
 * @throws {VarveError} `E_DAMAGE` the tar is damaged, or the store is read-only; the damage is noted
 */
export async function deriveTree(
  disk: Disk,
  begin: BeginIngest,
  row: LayerRow,
  pool?: Pool,
): Promise<void> {
  const state = "its tree has another version";
  // From now on the layer counts as damaged, so that an ingest makes it again.
  const damage = layerDamage(disk, row.diff_id, state);
  if (disk.readOnly) throw damage;
  await using stack = new AsyncDisposableStack();
  const running = pool ?? stack.use(createPool({ inline: true }));
  for (const rules of ACCEPTED_RULES) {
    const outcome = await tryRules(disk, begin, row, running, rules);
    if (outcome === "done") return;
  }
  throw layerDamage(disk, row.diff_id, `${state}, and its tar gives another tree`);
}

async function tryRules(
  disk: Disk,
  begin: BeginIngest,
  row: LayerRow,
  pool: Pool,
  rules: LayerRules,
): Promise<"done" | "other tree"> {
  await using ingest = await begin();
  const diffId = row.diff_id as DiffId;
  const begun = await ingest.layer({ diffId });
  if (begun.state === "present") {
    // Another process made it meanwhile, and perhaps has not written its row yet.
    await ingest.commit();
    return "done";
  }
  const { staged } = begun;
  const output = await scan(disk, row, staged, pool, rules);
  if (output.treeDigest !== row.tree_digest) {
    await staged.discard();
    return "other tree";
  }
  await staged.finish(output, PLAIN_LAYER);
  await ingest.commit();
  return "done";
}

async function scan(
  disk: Disk,
  row: LayerRow,
  staged: StagedLayer,
  pool: Pool,
  rules: LayerRules,
): Promise<LayerJobOutput> {
  const path = `${disk.paths.layer(row.cache_id)}/${LAYER_FILES.tar}`;
  try {
    return await pool.run(layerJob, {
      source: { kind: "file", path, offset: 0, length: row.size },
      target: staged.target,
      expected: { diffId: row.diff_id as DiffId },
      ...rules,
    });
  } catch (error) {
    await staged.discard();
    if (!isBadData(error)) throw error;
    throw damageOfTar(disk, row, error);
  }
}

function damageOfTar(disk: Disk, row: LayerRow, cause: VarveError): VarveError {
  const error = layerDamage(disk, row.diff_id, "its tree has another version, its tar is damaged");
  error.cause = cause;
  return error;
}
