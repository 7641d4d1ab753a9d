import type { Snapshots } from "../store/mod.ts";
import type { SnapshotInfo } from "./contract.ts";
import { compileFilters } from "./snapshot_filter.ts";

/**
 * Lists the snapshots of a scope that pass at least one filter; see `Snapshotter.walk`. It needs no driver.
 *
 * @throws {VarveError} `E_USAGE` a filter is malformed
 */
export function listSnapshots(
  snapshots: Snapshots,
  filters: readonly string[] = [],
): SnapshotInfo[] {
  const { passes, rows } = compileFilters(filters);
  return snapshots.read(rows).filter(passes);
}
