import type { Thing } from "./garbage.ts";
import type { SnapshotRow, SnapshotScope } from "./records.ts";

/** All scopes of snapshots. */
export const SNAPSHOT_SCOPES: readonly SnapshotScope[] = ["", "containerd"];

/** Whether a value is a scope of snapshots. */
export function isSnapshotScope(value: unknown): value is SnapshotScope {
  return SNAPSHOT_SCOPES.includes(value as SnapshotScope);
}

/** The thing that a snapshot is for gc: `snapshot:<key>`, and `containerd-snapshot:<key>` for one of containerd's. */
export function snapshotThing({ scope, key }: Pick<SnapshotRow, "scope" | "key">): Thing {
  return scope === "" ? `snapshot:${key}` : `${scope}-snapshot:${key}`;
}
