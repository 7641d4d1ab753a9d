import type { DiffId } from "../digest/mod.ts";
import { foldSteps } from "../layer/internal.ts";
import type { Warning } from "../layer/mod.ts";
import { inTurns } from "../pool/internal.ts";
import type { LayerRules } from "../layer_job/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { Store } from "../store/mod.ts";
import type { Tree } from "../tree/mod.ts";
import { readSnapshot } from "./snapshot_layers.ts";
import { sourceOf } from "./snapshot_source.ts";

/** Options of {@linkcode snapshotTrees}. */
export interface SnapshotTreesOptions extends Pick<LayerRules, "policy" | "limits"> {
  /** Runs the jobs that scan directories. When absent, the function makes a pool and disposes it afterwards. */
  readonly pool?: Pool | undefined;
  /** Aborts the scan. */
  readonly signal?: AbortSignal | undefined;
}

/** A layer of a snapshot. */
export interface SnapshotLayerTree {
  /** The layer in the store; `null` for changes in a directory. */
  readonly diffId: DiffId | null;
  /** What it adds, changes and hides. */
  readonly tree: Tree;
}

/** A snapshot as two root trees, and as its layers. */
export interface SnapshotTrees {
  /** The root tree of its parent. For a view, the same as `after`. */
  readonly before: Tree;
  /** The root tree of the snapshot itself. */
  readonly after: Tree;
  /** What it consists of, lowest first: layers of the store and changes in directories. */
  readonly layers: readonly SnapshotLayerTree[];
  /** What was left out, because a tree cannot hold it. */
  readonly warnings: readonly Warning[];
}

/**
 * Reads the root trees of a snapshot and of its parent. The snapshot is read as it is now.
 *
 * @throws {VarveError} `E_NOT_FOUND` · `E_BUSY` the directory changed while it was read · `E_XDEV` a file system
 * is mounted inside · `E_WHITEOUT_NAME` a name that a layer cannot hold · `E_PRECONDITION` its upper directory refers to
 * data in another directory · `E_XATTR` · `E_LIMIT` · `E_SYSCALL`
 */
export async function snapshotTrees(
  store: Store,
  key: string,
  options: SnapshotTreesOptions = {},
): Promise<SnapshotTrees> {
  const disk = requireDisk(store, "read snapshots");
  await using owned = new AsyncDisposableStack();
  const pool = options.pool ?? owned.use(createPool());
  const source = sourceOf(disk, key);
  const changes = await readSnapshot({ ...options, store: disk, key, pool }, source, null);
  const trees = await Promise.all(source.layers.map((diffId) => store.layers.tree(diffId)));
  const layers = [
    ...source.layers.map((diffId, i) => ({ diffId, tree: trees[i] as Tree })),
    ...source.above.map((part, i) => ({
      diffId: part.kind === "layer" ? part.diffId : null,
      tree: changes[i]?.tree as Tree,
    })),
  ];
  const stack = layers.map(({ tree }) => tree);
  const fold = (layers: readonly Tree[]) => inTurns(foldSteps(layers), options.signal);
  const after = await fold(stack);
  const before = source.row.kind === "view" ? after : await fold(stack.slice(0, -1));
  return { before, after, layers, warnings: changes.flatMap(({ warnings }) => warnings) };
}
