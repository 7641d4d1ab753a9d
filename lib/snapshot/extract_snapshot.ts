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
