/** Read-write snapshots of images, which are mounted or run. */
import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { CWD, type Mount, openDirectoryAt, type OwnedFd, ownFd } from "../linux/mod.ts";
import type { DiskStore, SnapshotRow, StoredImage } from "../store/mod.ts";
import type { Snapshotter } from "./contract.ts";
import { imageLabels } from "./image_labels.ts";
import { quoteKey } from "./keys.ts";

/** What {@linkcode openWritable} needs. */
export interface OpenWritableOptions {
  /** The store of the image. */
  readonly store: DiskStore;
  /** Makes the snapshot if there is none. */
  readonly snapshotter: Snapshotter;
  /** The image that the snapshot lies on. */
  readonly image: StoredImage;
  /** Key of the snapshot. */
  readonly key: string;
  /** Aborts the extraction of layers. */
  readonly signal?: AbortSignal | undefined;
}

/** A read-write snapshot of an image. */
export interface WritableSnapshot {
  /** Key of the snapshot. */
  readonly key: string;
  /** What to mount for it. */
  readonly mounts: readonly Mount[];
  /** Number of its directory. */
  readonly cacheId: number;
  /** Absolute path of its directory, `snapshots/<cache id>`. */
  readonly directory: string;
  /** Whether this call made it. Only such a snapshot is removed when what follows fails. */
  readonly isNew: boolean;
}

/**
 * Opens the read-write snapshot of an image: makes it, or finds it again by its key. A snapshot of
 * another image or kind is refused. The caller then locks it by {@linkcode lockWritable}.
 *
 * @throws {VarveError} `E_EXISTS` the key is of another image or kind · as `Snapshotter.prepare`
 */
export async function openWritable(options: OpenWritableOptions): Promise<WritableSnapshot> {
  const { store, snapshotter, image, key, signal } = options;
  const parent = image.chainId === null ? null : snapshotter.ensureChain(image.chainId);
  const row = store.snapshots.read((table) => table.get(key));
  if (row === undefined) {
    const mounts = await snapshotter.prepare(key, parent, { labels: imageLabels(image), signal });
    return { key, mounts, isNew: true, ...directoryOf(store, snapshotter.stat(key)) };
  }
  if (row.kind !== "active" || row.parent !== parent) {
    throw new VarveError(
      "E_EXISTS",
      `Cannot use snapshot ${quoteKey(key)}: it is ${
        row.kind === "active" ? "on top of another image" : `a ${row.kind} snapshot`
      }`,
      { subject: key, hint: "choose another key, or remove it with 'varve snapshot rm'" },
    );
  }
  const mounts = await snapshotter.mounts(key, { signal });
  return { key, mounts, isNew: false, ...directoryOf(store, row) };
}

/**
 * Keeps other processes from mounting or running a snapshot until the lock is disposed. Afterwards
 * the mount itself says that it is in use: see `refuseBusy`.
 *
 * @throws {VarveError} `E_BUSY` another process holds the lock
 */
export function lockWritable({ key, directory }: WritableSnapshot): OwnedFd {
  const lock = ownFd(openDirectoryAt(CWD, fromText(directory)));
  if (lock.lock("exclusive")) return lock;
  lock[Symbol.dispose]();
  throw new VarveError(
    "E_BUSY",
    `Cannot use snapshot ${quoteKey(key)}: another process is mounting it`,
    { subject: key },
  );
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
