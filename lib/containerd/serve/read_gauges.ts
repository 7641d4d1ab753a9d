import { readMountInfo } from "../../linux/mod.ts";
import type { DiskStore } from "../../store/mod.ts";
import type { CountedPool } from "./counted_pool.ts";
import type { Gauges } from "./metrics.ts";

/** Looks up what the metrics say about this moment. */
export function readGauges({ directories, snapshots }: DiskStore, pool: CountedPool): Gauges {
  const rows = { active: 0, view: 0, committed: 0 };
  for (const { kind } of snapshots.read((table) => table.list())) rows[kind]++;
  const lowers = readMountInfo().filter(({ mountPoint }) =>
    mountPoint.startsWith(`${directories.mounts}/`)
  );
  return {
    jobsRunning: pool.running,
    jobsWaiting: pool.waiting,
    lowers: lowers.length,
    rows,
  };
}
