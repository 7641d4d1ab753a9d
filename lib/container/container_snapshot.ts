/** The read-write snapshot of a container. */
import { VarveError } from "../errors.ts";
import type { OwnedFd } from "../linux/mod.ts";
import {
  holdLowers,
  lockWritable,
  openWritable,
  quoteKey,
  refuseBusy,
  type WritableSnapshot,
} from "../snapshot/internal.ts";
import type { StoredImage } from "../store/mod.ts";
import { commandLine } from "./bundle/process.ts";
import { startLabels } from "./container_records.ts";
import type { RunContainerOptions } from "./contract.ts";
import { refuseRunning } from "./run_directory.ts";

/** The snapshot of a container, which no other process may use until the lock is disposed. */
export interface LockedSnapshot {
  readonly snapshot: WritableSnapshot;
  readonly lock: OwnedFd;
}

/**
 * Makes the snapshot of a container, or finds it again by its key, and locks it. At each moment a lock or the row of a
 * lease says that the snapshot belongs to a run: see `removeAbandoned`.
 *
 * @throws {VarveError} `E_EXISTS` the key is of another image or kind, or the key exists and `remove` is set · `E_BUSY`
 * the snapshot is mounted, or its container runs, or another process is about to use it
 */
export async function openLocked(options: RunContainerOptions): Promise<LockedSnapshot> {
  using _ = await holdLowers(options.store, options.signal);
  const snapshot = await openSnapshot(options);
  return { snapshot, lock: await lockSnapshot(options, snapshot) };
}

/**
 * Makes the snapshot of a container, or finds it again by its key.
 *
 * @throws {VarveError} `E_EXISTS` the key is of another image or kind, or the key exists and `remove` is set
 */
async function openSnapshot(options: RunContainerOptions): Promise<WritableSnapshot> {
  const { store, snapshotter, image, signal, key = newKey(image), now = Date.now } = options;
  // Only a snapshot that this run made may be removed at the end. An older one holds changes of the user.
  const mustBeNew = options.remove ?? false;
  try {
    const command = commandLine(image.config.config, options.process ?? {});
    // From the beginning, the row says that it is a container, and whether it is to be removed.
    const labels = startLabels({ image, command, remove: mustBeNew, options, now: now() });
    const { mustExist } = options;
    return await openWritable({
      store,
      snapshotter,
      image,
      key,
      mustBeNew,
      mustExist,
      labels,
      signal,
    });
  } catch (error) {
    if (!(mustBeNew && error instanceof VarveError && error.code === "E_EXISTS")) throw error;
    throw new VarveError(
      "E_EXISTS",
      `Cannot run on snapshot ${quoteKey(key)}: it exists already, and would be removed at the end`,
      { subject: key, hint: "choose another key, or keep the snapshot at the end" },
      { cause: error },
    );
  }
}

/**
 * Keeps other processes from mounting or running a snapshot until the lock is disposed.
 *
 * @throws {VarveError} `E_BUSY` the snapshot is mounted, or its container runs, or another process is about to use it
 */
async function lockSnapshot(
  options: RunContainerOptions,
  snapshot: WritableSnapshot,
): Promise<OwnedFd> {
  const { store } = options;
  const lock = await lockWritable(options, snapshot);
  try {
    // Check this first: the message about a running container says more than the message about its mount.
    await refuseRunning(store, snapshot.key);
    refuseBusy(store, snapshot.key);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** A key that is not taken: the last part of the image's name, and a random number. */
function newKey({ record }: StoredImage): string {
  const name = /([a-z0-9._-]+)(?::[^/:@]*)?$/.exec(record.name)?.[1] ?? "container";
  const plain = record.name.startsWith("<") ? "container" : name;
  return `${plain}-${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
}
