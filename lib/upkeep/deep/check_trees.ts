import { boundedParallel } from "../../pool/internal.ts";
import { homeIn, homePath } from "../../store/internal.ts";
import type { DeepPass } from "./contract.ts";
import { hasDigest } from "./scope.ts";
import { treeJob } from "./tree_job.ts";

/**
 * Reads the tree of every layer and compares it with its row.
 *
 * @returns the layers whose tree cannot be used
 */
export async function checkTrees(pass: DeepPass): Promise<ReadonlySet<string>> {
  const { store, rows, scope, report, progress, pool } = pass;
  const damaged = new Set<string>();
  const layers = rows.layers.filter((row) => hasDigest(scope, row.diff_id));
  for (const row of layers) progress.add(row.tree_size);
  await boundedParallel(layers, async (row, signal) => {
    const home = homeIn(store, "layers", row.cache_id);
    const file = home?.files.find(({ name }) => name === "tree");
    // The quick check has found a tree that is missing or has the wrong size.
    if (file?.type !== "file" || file.size !== row.tree_size) {
      return void damaged.add(row.diff_id);
    }
    const task = progress.task();
    const problem = await pool.run(treeJob, {
      path: `${homePath(store, "layers", row.cache_id)}/tree`,
      sum: row.tree_sum,
      treeDigest: row.tree_digest,
      entries: row.entries,
      size: row.tree_size,
    }, { signal, onProgress: ({ read }) => task(read) });
    if (problem === null) return;
    damaged.add(row.diff_id);
    if (problem === "other version") return;
    report({
      kind: "tree",
      what: `layers/${row.cache_id}/tree of layer ${row.diff_id}`,
      ...problem,
      healedBy: "repair",
      site: { at: "layer", diffId: row.diff_id, cacheId: row.cache_id },
    });
  }, { limit: pass.atOnce, signal: pass.signal });
  return damaged;
}
