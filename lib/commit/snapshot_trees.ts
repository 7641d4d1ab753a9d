import { scanInPool } from "../directory/internal.ts";
import { foldLayers, type LayerLimits, type LayerPolicy, type Warning } from "../layer/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { Store } from "../store/mod.ts";
import { decodeTree, type Tree } from "../tree/mod.ts";
import { openSource, sourceOf } from "./snapshot_source.ts";

/** What {@linkcode snapshotTrees} needs. */
export interface SnapshotTreesOptions {
  /** Where the snapshot is. */
  readonly store: Store;
  /** Reads directories. */
  readonly pool: Pool;
  /** Key or name of the snapshot. */
  readonly key: string;
  /** Policy of layers, where it is not the default. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits of layers, where they are not the defaults. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
}

/** A snapshot as trees. */
export interface SnapshotTrees {
  /** What it lies on; the same as `after` for a view. */
  readonly before: Tree;
  /** All of it. */
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
  const { store, pool, key, policy, limits, signal } = options;
  const directories = requireDisk(store, "read snapshots").directories;
  const { row, layers, directories: own } = sourceOf(store, key);
  const files = layers.map((diffId) => directories.layerTree(diffId).path);
  const above: Uint8Array[] = [];
  const warnings: Warning[] = [];
  for (const cacheId of own) {
    using source = await openSource(directories, cacheId);
    const { root, form, stubs } = source;
    const base = { files, above: [...above] };
    const scanned = await scanInPool({
      pool,
      root,
      form,
      base,
      rules: { policy, limits, stubs },
      signal,
    });
    above.push(scanned.tree as Uint8Array);
    warnings.push(...scanned.warnings);
  }
  const trees = await Promise.all(layers.map((diffId) => store.layers.tree(diffId)));
  const stack = [...trees, ...above.map((bytes) => decodeTree(bytes))];
  const after = foldLayers(stack);
  const before = row.kind === "view" ? after : foldLayers(stack.slice(0, -1));
  return { before, after, warnings };
}
