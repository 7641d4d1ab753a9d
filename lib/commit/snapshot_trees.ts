import { foldLayers, type Warning } from "../layer/mod.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { Store } from "../store/mod.ts";
import type { Tree } from "../tree/mod.ts";
import { readSnapshot } from "./snapshot_layers.ts";
import { sourceOf } from "./snapshot_source.ts";

/** What {@linkcode snapshotTrees} needs. */
export interface SnapshotTreesOptions extends Pick<LayerRules, "policy" | "limits"> {
  /** Where the snapshot is. */
  readonly store: Store;
  /** Reads directories. */
  readonly pool: Pool;
  /** Key or name of the snapshot. */
  readonly key: string;
  /** Aborts the scan. */
  readonly signal?: AbortSignal | undefined;
}

/** A snapshot as trees. */
export interface SnapshotTrees {
  /** The root tree of its parent; the same as `after` for a view. */
  readonly before: Tree;
  /** Its own root tree. */
  readonly after: Tree;
  /** What trees do not hold of its directories. */
  readonly warnings: readonly Warning[];
}

/**
 * The root trees of a snapshot and of its parent, read from the snapshot's directory as it is now.
 *
 * @throws {VarveError} `E_NOT_FOUND` · `E_BUSY` the directory changed meanwhile · as `scanInPool`
 */
export async function snapshotTrees(options: SnapshotTreesOptions): Promise<SnapshotTrees> {
  const store = requireDisk(options.store, "read snapshots");
  const source = sourceOf(store, options.key);
  const changes = await readSnapshot({ ...options, store }, source, null);
  const trees = await Promise.all(source.layers.map((diffId) => store.layers.tree(diffId)));
  const stack = [...trees, ...changes.map(({ tree }) => tree as Tree)];
  const after = foldLayers(stack);
  const before = source.row.kind === "view" ? after : foldLayers(stack.slice(0, -1));
  return { before, after, warnings: changes.flatMap(({ warnings }) => warnings) };
}
