import type { SnapshotFacts } from "../../../lib/store/mod.ts";

/** What a marker says of a new active snapshot without parent and labels, made at the epoch. */
export function snapshotFacts(key: string): SnapshotFacts {
  return { key, use: "active", parent: null, labels: {}, createdAt: 0 };
}
