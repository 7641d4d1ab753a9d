/** The read-write snapshot of a container. */
import type { OwnedFd } from "../linux/mod.ts";
import {
  lockWritable,
  openWritable,
  refuseBusy,
  type WritableSnapshot,
} from "../snapshot/internal.ts";
import type { DiskStore, StoredImage } from "../store/mod.ts";
import type { RunContainerOptions } from "./contract.ts";
import { refuseRunning } from "./run_directory.ts";

/**
 * Makes the snapshot of a container, or finds it again by its key.
 *
 * @throws {VarveError} `E_EXISTS` the key is of another image or kind
 */
export async function openSnapshot(options: RunContainerOptions): Promise<WritableSnapshot> {
  const { store, snapshotter, image, signal, key = newKey(image) } = options;
  return await openWritable({ store, snapshotter, image, key, signal });
}

/**
 * Keeps others from mounting or running a snapshot until the lock is disposed.
 *
 * @throws {VarveError} `E_BUSY` it is mounted, runs, or is about to
 */
export async function lockSnapshot(
  store: DiskStore,
  snapshot: WritableSnapshot,
): Promise<OwnedFd> {
  const lock = lockWritable(snapshot);
  try {
    // The message about a container says more than the one about its mount.
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
