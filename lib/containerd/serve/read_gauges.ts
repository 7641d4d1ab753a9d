import { readMountInfo } from "../../linux/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { DiskStore } from "../../store/mod.ts";
import type { Gauges } from "./metrics.ts";

/** Looks up what the metrics say about this moment. */
export function readGauges(
  { directories, snapshots }: Pick<DiskStore, "directories" | "snapshots">,
  pool: Pick<Pool, "running" | "waiting">,
): Gauges {
  const lowers = readMountInfo().filter(({ mountPoint }) =>
    mountPoint.startsWith(`${directories.mounts}/`)
  );
  return {
    jobsRunning: pool.running,
    jobsWaiting: pool.waiting,
    lowers: lowers.length,
    rows: snapshots.in("containerd").read((table) => table.countKinds()),
  };
}
