/** Reads snapshots for verbs that take an image or a snapshot. */
import { openSnapshotFiles, type SnapshotFiles } from "../../commit/internal.ts";
import { type SnapshotTrees, snapshotTrees } from "../../commit/mod.ts";
import type { Warning } from "../../layer/mod.ts";
import type { Context } from "../context.ts";
import { warnOf } from "../display/warnings.ts";
import { snapshotReading } from "./snapshot_reading.ts";

/** Reads a snapshot as it is now, and prints what a tree cannot hold of it. @throws {VarveError} as `snapshotTrees` */
export async function treesOfSnapshot(context: Context, key: string): Promise<SnapshotTrees> {
  const trees = await snapshotTrees(await context.store(), key, await snapshotReading(context));
  warnOfSnapshot(context, key, trees.warnings);
  return trees;
}

/** As {@linkcode treesOfSnapshot}, with the contents of files. @throws {VarveError} as `openSnapshotFiles` */
export async function filesOfSnapshot(context: Context, key: string): Promise<SnapshotFiles> {
  const reading = await snapshotReading(context);
  const files = await openSnapshotFiles(await context.store(), key, { ...reading, verb: "read" });
  warnOfSnapshot(context, key, files.warnings);
  return files;
}

function warnOfSnapshot(context: Context, key: string, warnings: readonly Warning[]): void {
  warnOf(context, `snapshot ${JSON.stringify(key)}`, warnings);
}
