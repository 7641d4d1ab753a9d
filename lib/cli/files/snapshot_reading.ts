import type { SnapshotTreesOptions } from "../../commit/mod.ts";
import type { Context } from "../context.ts";
import { loadSettings } from "../settings.ts";

/** Options for reading a snapshot, from the settings of the store. */
export type SnapshotReading = Required<
  Pick<SnapshotTreesOptions, "pool" | "policy" | "limits" | "signal">
>;

/** Makes the options for reading a snapshot. */
export async function snapshotReading(context: Context): Promise<SnapshotReading> {
  const { policy, limits } = loadSettings(await context.store());
  return { pool: await context.pool(), policy, limits, signal: context.signal };
}
