/** Reads snapshots for verbs that take an image or a snapshot. */
import { type SnapshotTrees, snapshotTrees } from "../../../commit/mod.ts";
import type { Store } from "../../../store/mod.ts";
import type { Context } from "../../context.ts";
import { warnOf } from "../../display/warnings.ts";
import { loadSettings } from "../../settings.ts";

/** Whether an argument is the key or the name of a snapshot. Where an image has the same name, the snapshot is meant. */
export function isSnapshot(store: Store, argument: string): boolean {
  return store.snapshots.read((rows) => rows.get(argument)) !== undefined;
}

/** Reads a snapshot as it is now, and prints what a tree cannot hold of it. @throws {VarveError} as `snapshotTrees` */
export async function treesOfSnapshot(context: Context, key: string): Promise<SnapshotTrees> {
  const store = await context.store();
  const { policy, limits } = loadSettings(store);
  const trees = await snapshotTrees(store, key, {
    pool: await context.pool(),
    policy,
    limits,
    signal: context.signal,
  });
  warnOf(context, `snapshot ${JSON.stringify(key)}`, trees.warnings);
  return trees;
}
