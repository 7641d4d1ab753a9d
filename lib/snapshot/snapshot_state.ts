/** Transitions of the state of a snapshot that has mounts. Its times stay as they are. */
import { RELEASED_LABEL } from "../store/internal.ts";
import type { SnapshotRow, SnapshotTable } from "../store/mod.ts";
import { BELOW, EXTRACT_LABEL } from "./keys.ts";
import { stat } from "./machine.ts";

/** Sets or removes the mark that nobody uses the mounts of a snapshot. */
export function setReleased(table: SnapshotTable, key: string, released: boolean): void {
  const row = stat(table, key);
  const { [RELEASED_LABEL]: _, ...labels } = row.labels;
  table.put({ ...row, labels: released ? { ...labels, [RELEASED_LABEL]: "1" } : labels });
}

/** Records that the mounts of an extract snapshot show what lies below it. */
export function setBelowShown(table: SnapshotTable, key: string): SnapshotRow {
  const row = stat(table, key);
  const { [EXTRACT_LABEL]: state, ...labels } = row.labels;
  if (state === undefined) return row;
  const next: SnapshotRow = { ...row, labels: { ...labels, [EXTRACT_LABEL]: BELOW.shown } };
  table.put(next);
  return next;
}
