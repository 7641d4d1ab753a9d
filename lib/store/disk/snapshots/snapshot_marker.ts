import { guarded, isNoSpace } from "../../../linux/mod.ts";
import type { SnapshotFacts } from "../../disk_directories.ts";
import { checkWritable, type Disk, takeLock } from "../context.ts";
import { type SnapshotTableRow, toSnapshot } from "../database/records.ts";
import { intentPath, ownerDirectory, snapshotLock } from "../ingest_names.ts";
import { FileLock } from "../lock.ts";
import { markerIn, writeMarker } from "../markers/marker.ts";
import type { Marker, SnapshotMarker } from "../markers/marker_format.ts";
import { MARKER, RELEASED_LABEL } from "../names.ts";
import { lstatOrNothing, removeAll } from "../system.ts";

/** The marker of a snapshot's directory. */
export function snapshotMarker(
  { owner }: Disk,
  cacheId: number,
  { scope, key, use, parent, diffId, labels: all, createdAt, updatedAt }: SnapshotFacts,
): SnapshotMarker {
  const { [RELEASED_LABEL]: _, ...labels } = all;
  return {
    id: cacheId,
    kind: "snapshot",
    scope,
    key,
    owner: owner.id,
    use,
    parent,
    diffID: diffId,
    labels,
    createdAt,
    updatedAt,
  };
}

/**
 * Replaces the marker of a snapshot, then calls `change`, which writes its row; see
 * `Directories.changeSnapshot`.
 *
 * Until the row is written, the new marker is kept in the owner's directory: if the process dies
 * before, the next start finds it there and writes the marker again from the row.
 */
export async function changeSnapshot<T>(
  disk: Disk,
  cacheId: number,
  next: () => SnapshotFacts,
  change: () => T,
): Promise<T> {
  checkWritable(disk, "change a snapshot", { frees: true });
  const action = `change snapshot ${cacheId}`;
  await guarded(action, () => disk.owner.fresh());
  const lock = await guarded(
    action,
    () =>
      takeLock(disk, snapshotLock(disk.paths, cacheId), { what: `changes snapshot ${cacheId}` }),
  );
  try {
    const marker = snapshotMarker(disk, cacheId, next());
    const directory = disk.paths.snapshot(cacheId);
    const isSame = saysTheSame(await guarded(action, () => markerIn(directory)), marker);
    // Without the directory there is nothing to mark. `change` says what is wrong.
    if (isSame || await guarded(action, () => lstatOrNothing(directory)) === undefined) {
      return change();
    }
    // The end of a container is recorded on a full disk, too.
    const again = async (error: unknown) => {
      // The snapshot was removed meanwhile.
      if (error instanceof Deno.errors.NotFound && await lstatOrNothing(directory) === undefined) {
        return;
      }
      if (!isNoSpace(error) || !disk.room.giveUp()) throw error;
      await removeAll(intent);
      await replaceMarker(disk, intent, marker);
    };
    const intent = intentPath(disk.paths, disk.owner.id, cacheId, "marker");
    let result: T;
    try {
      await guarded(action, () => replaceMarker(disk, intent, marker).catch(again));
      result = change();
    } catch (error) {
      await disk.owner.tidy(async () => {
        await settle(disk, cacheId);
        // Not before: by the intent a later start settles the marker where this process cannot.
        await removeAll(intent);
      });
      throw error;
    }
    await disk.owner.tidy(() => removeAll(intent));
    return result;
  } finally {
    await disk.owner.tidy(() => lock.remove());
  }
}

/** Makes the marker that a dead owner was replacing say what the row says. */
export async function settleMarker(disk: Disk, cacheId: number): Promise<void> {
  // A living process may be changing the snapshot now.
  const lock = await FileLock.acquire(snapshotLock(disk.paths, cacheId));
  try {
    await settle(disk, cacheId);
  } finally {
    lock.remove();
  }
}

/** Replaces the marker of a snapshot by a hard link to a new file, which stays at `intent`. */
async function replaceMarker(disk: Disk, intent: string, marker: SnapshotMarker): Promise<void> {
  const { owner, paths, syncer } = disk;
  const link = await owner.fresh();
  await writeMarker(intent, marker);
  await syncer.each([intent, ownerDirectory(paths, owner.id)]);
  await Deno.link(intent, link);
  const directory = paths.snapshot(marker.id);
  await Deno.rename(link, `${directory}/${MARKER}`);
  await syncer.each([directory]);
}

/** Makes the marker of a snapshot say what its row says. A snapshot without a row keeps its marker. */
export async function settle(disk: Disk, cacheId: number): Promise<void> {
  const sql = "SELECT * FROM snapshot WHERE cache_id = ?";
  const row = disk.db.get<SnapshotTableRow>(sql, cacheId);
  const directory = disk.paths.snapshot(cacheId);
  if (row === undefined || await lstatOrNothing(directory) === undefined) return;
  const record = toSnapshot(row);
  const marker = snapshotMarker(disk, cacheId, { ...record, use: record.kind });
  if (saysTheSame(await markerIn(directory), marker)) return;
  const temporary = await disk.owner.fresh();
  await writeMarker(temporary, marker);
  await disk.syncer.each([temporary]);
  await Deno.rename(temporary, `${directory}/${MARKER}`);
  await disk.syncer.each([directory]);
}

/** Whether two markers say the same of a snapshot; who wrote them does not matter. */
function saysTheSame(a: Marker | undefined, b: SnapshotMarker): boolean {
  if (a?.kind !== "snapshot" || a.labels === undefined) return false;
  const text = (marker: SnapshotMarker) => {
    const { id, scope, key, use, parent, diffID, labels, createdAt, updatedAt } = marker;
    const sorted = Object.entries(labels ?? {}).sort(([x], [y]) => x < y ? -1 : 1);
    return JSON.stringify([id, scope, key, use, parent, diffID, sorted, createdAt, updatedAt]);
  };
  return text(a) === text(b);
}
