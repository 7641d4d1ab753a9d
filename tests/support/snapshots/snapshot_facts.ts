import type { SnapshotFacts } from "../../../lib/store/mod.ts";

/** What a marker says of a new active snapshot without parent and labels, made at the epoch. */
export function snapshotFacts(key: string): SnapshotFacts {
  const times = { createdAt: 0, updatedAt: 0 };
  return { scope: "", key, use: "active", parent: null, diffId: null, labels: {}, ...times };
}
