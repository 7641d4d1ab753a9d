/** What the snapshotter needs for extract snapshots; see `PrepareOptions.extract`. */
import { VarveError } from "../errors.ts";
import { SNAPSHOT_FILES } from "../store/internal.ts";
import type { DiskStore, SnapshotRow } from "../store/mod.ts";
import { BELOW, EXTRACT_LABEL, quoteKey } from "./keys.ts";

/** Whether the mounts of an extract snapshot show what lies below it; `undefined` for any other snapshot. */
export function belowOf({ labels }: SnapshotRow): keyof typeof BELOW | undefined {
  const state = labels[EXTRACT_LABEL];
  return state === undefined ? undefined : state === BELOW.shown ? "shown" : "hidden";
}

/** Whether anything is in the upper directory of a snapshot. */
export async function hasFiles(store: DiskStore, cacheId: number): Promise<boolean> {
  const files = `${store.directories.snapshot(cacheId)}/${SNAPSHOT_FILES.files}`;
  for await (const _ of Deno.readDir(files)) return true;
  return false;
}

/**
 * Refuses to put a snapshot on a parent that its directory would hide. The native driver makes directories that are a
 * whole root; those of an overlay, which hold only changes, have a work directory beside them.
 *
 * @param row the snapshot with the parent that it gets
 * @param before the parent that it has
 * @throws {VarveError} `E_UNSUPPORTED`
 */
export async function refuseWhole(
  store: DiskStore,
  { key, cacheId, diffId, parent }: SnapshotRow,
  before: string | null,
): Promise<void> {
  if (parent === before || parent === null || diffId !== null || cacheId === null) return;
  const work = `${store.directories.snapshot(cacheId)}/${SNAPSHOT_FILES.work}`;
  if (await Deno.lstat(work).then(() => true, () => false)) return;
  throw new VarveError(
    "E_UNSUPPORTED",
    `Cannot commit snapshot ${quoteKey(key)}: its directory is a whole root, which would hide ${
      quoteKey(parent)
    }`,
    { subject: key, hint: "use the erofs driver or the overlay driver" },
  );
}

/** The error for a layer over files of a snapshot. */
export function appliedOverFiles(key: string): VarveError {
  return new VarveError(
    "E_PRECONDITION",
    `Cannot apply a layer to snapshot ${quoteKey(key)}: it has files already`,
    { subject: key },
  );
}

/** The error for an extract snapshot that another program filled without seeing what lies below. */
export function filledUnseen(key: string): VarveError {
  return new VarveError(
    "E_PRECONDITION",
    `Cannot commit snapshot ${
      quoteKey(key)
    }: another differ than varve's filled it, which did not see its parents`,
    {
      subject: key,
      hint: 'set default = ["varve-diff", "walking"] in ' +
        '[plugins."io.containerd.service.v1.diff-service"] of the configuration of containerd, and ' +
        'differ = "varve-diff" in its unpack_config',
    },
  );
}
