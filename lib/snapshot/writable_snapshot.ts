/** Read-write snapshots of images, which are mounted or run. */
import { VarveError } from "../errors.ts";
import type { Mount, OwnedFd } from "../linux/mod.ts";
import { RELEASED_LABEL } from "../store/internal.ts";
import type { DiskStore, SnapshotRow, StoredImage } from "../store/mod.ts";
import type { Snapshotter } from "./contract.ts";
import { imageLabels } from "./image_labels.ts";
import { quoteKey } from "./keys.ts";
import { existsAlready, notFound } from "./machine.ts";
import { lockSnapshotDirectory } from "./snapshot_lock.ts";

/** Options of {@linkcode openWritable}. */
export interface OpenWritableOptions {
  /** The store of the image. */
  readonly store: DiskStore;
  /** Makes the snapshot if it does not exist. */
  readonly snapshotter: Snapshotter;
  /** The image below the snapshot. */
  readonly image: StoredImage;
  /** Key of the snapshot. */
  readonly key: string;
  /** Refuse a snapshot that exists already. Default: false. */
  readonly mustBeNew?: boolean | undefined;
  /** Refuse to make a snapshot. Default: false. */
  readonly mustExist?: boolean | undefined;
  /** Labels of a snapshot that is made, beside those of the image. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Aborts the extraction of layers. */
  readonly signal?: AbortSignal | undefined;
}

/** A read-write snapshot of an image. */
export interface WritableSnapshot {
  /** Key of the snapshot. */
  readonly key: string;
  /** The mounts of the snapshot. */
  readonly mounts: readonly Mount[];
  /** Cache id: the number of the snapshot's directory. */
  readonly cacheId: number;
  /** Absolute path of its directory, `snapshots/<cache id>`. */
  readonly directory: string;
  /** Whether this call made the snapshot. The caller removes only such a snapshot when a later step fails. */
  readonly isNew: boolean;
}

/**
 * Opens the read-write snapshot of an image: makes it, or finds it again by its key. A snapshot of another image or
 * kind is refused. The caller then locks the snapshot by {@linkcode lockWritable}.
 *
 * @throws {VarveError} `E_EXISTS` the key belongs to a snapshot of another image or kind, or the key exists and
 * `mustBeNew` is set · `E_NOT_FOUND` it does not exist and `mustExist` is set · as `Snapshotter.prepare`
 */
export async function openWritable(options: OpenWritableOptions): Promise<WritableSnapshot> {
  const { store, snapshotter, image, key, labels = {}, signal } = options;
  const { mustBeNew = false, mustExist = false } = options;
  const row = store.snapshots.read((table) => table.get(key));
  if (mustBeNew && row !== undefined) throw existsAlready("make snapshot", key);
  if (mustExist && row === undefined) throw notFound("use snapshot", key);
  const parent = image.chainId === null ? null : snapshotter.ensureChain(image.chainId);
  if (row === undefined) {
    const mounts = await snapshotter.prepare(key, parent, {
      labels: { ...labels, ...imageLabels(image) },
      signal,
    });
    return { key, mounts, isNew: true, ...directoryOf(store, snapshotter.stat(key)) };
  }
  if (row.kind !== "active" || row.parent !== parent) {
    throw new VarveError(
      "E_EXISTS",
      `Cannot use snapshot ${quoteKey(key)}: it is ${
        row.kind === "active" ? "on top of another image" : `a ${row.kind} snapshot`
      }`,
      { subject: key, hint: "choose another key, or remove the snapshot first" },
    );
  }
  const mounts = await snapshotter.mounts(key, { signal });
  return { key, mounts, isNew: false, ...directoryOf(store, row) };
}

/**
 * Keeps other processes from mounting, running or removing a snapshot until the lock is disposed. After that, the mount
 * itself shows that the snapshot is in use: see `refuseBusy`.
 *
 * @throws {VarveError} `E_BUSY` another process holds the lock · `E_NOT_FOUND` the snapshot was removed before it was
 * locked
 */
export async function lockWritable(
  { store, snapshotter, signal }: Pick<OpenWritableOptions, "store" | "snapshotter" | "signal">,
  { key, cacheId }: WritableSnapshot,
): Promise<OwnedFd> {
  const lock = lockSnapshotDirectory(store, key, cacheId);
  try {
    const row = store.snapshots.read((table) => table.get(key));
    if (lock === null || row?.cacheId !== cacheId) throw notFound("use snapshot", key);
    // Its last user may have released it after it was opened here.
    if (row.labels[RELEASED_LABEL] !== undefined) await snapshotter.mounts(key, { signal });
    return lock;
  } catch (error) {
    lock?.[Symbol.dispose]();
    throw error;
  }
}

function directoryOf(
  store: DiskStore,
  { key, cacheId }: SnapshotRow,
): Pick<WritableSnapshot, "cacheId" | "directory"> {
  if (cacheId === null) {
    throw new VarveError("E_DAMAGE", `Cannot use snapshot ${quoteKey(key)}: it has no directory`, {
      subject: key,
    });
  }
  return { cacheId, directory: store.directories.snapshot(cacheId) };
}
