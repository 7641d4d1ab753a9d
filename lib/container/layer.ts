/** The read-write layer of a container. */
import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { CWD, type Mount, openDirectoryAt, type OwnedFd, ownFd } from "../linux/mod.ts";
import { refuseBusy } from "../snapshot/internal.ts";
import { imageLabels } from "../snapshot/mod.ts";
import type { DiskStore, StoredImage } from "../store/mod.ts";
import type { RunContainerOptions } from "./contract.ts";
import { refuseRunning } from "./run_directory.ts";

/** A read-write layer that nobody else uses. */
export interface Layer {
  /** Key of the snapshot. */
  readonly key: string;
  /** Its mounts. */
  readonly mounts: readonly Mount[];
  /** Its number. */
  readonly cacheId: number;
  /** `snapshots/<number>`. */
  readonly directory: string;
  /** Whether it was made just now. */
  readonly fresh: boolean;
}

/**
 * Makes the read-write layer of a container, or finds it again.
 *
 * @throws {VarveError} `E_EXISTS` the key is of another image or kind
 */
export async function prepareLayer(options: RunContainerOptions): Promise<Layer> {
  const { store, snapshotter, image, signal } = options;
  const key = options.key ?? inventKey(image);
  const parent = image.chainId === null ? null : snapshotter.ensureChain(image.chainId);
  const more = { signal };
  const row = store.snapshots.read((table) => table.get(key));
  if (row === undefined) {
    const mounts = await snapshotter.prepare(key, parent, { ...more, labels: imageLabels(image) });
    return { key, mounts, fresh: true, ...placeOf(store, snapshotter.stat(key)) };
  }
  if (row.kind !== "active" || row.parent !== parent) {
    throw new VarveError(
      "E_EXISTS",
      `Cannot run with snapshot ${JSON.stringify(key)}: it is ${
        row.kind === "active" ? "on top of another image" : `a ${row.kind} snapshot`
      }`,
      { subject: key, hint: "choose another name, or remove it with 'varve snapshot rm'" },
    );
  }
  return { key, mounts: await snapshotter.mounts(key, more), fresh: false, ...placeOf(store, row) };
}

/**
 * Keeps others from mounting or running a layer until the lock is disposed.
 *
 * @throws {VarveError} `E_BUSY` somebody does
 */
export async function lockLayer(store: DiskStore, { key, directory }: Layer): Promise<OwnedFd> {
  const lock = ownFd(openDirectoryAt(CWD, fromText(directory)));
  try {
    if (!lock.lock("exclusive")) {
      throw new VarveError(
        "E_BUSY",
        `Cannot run with snapshot ${JSON.stringify(key)}: another process is mounting it`,
        { subject: key },
      );
    }
    await refuseRunning(store, key);
    refuseBusy(store, key);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function placeOf(
  store: DiskStore,
  row: { readonly cacheId: number | null },
): { readonly cacheId: number; readonly directory: string } {
  if (row.cacheId === null) {
    throw new VarveError("E_UNSUPPORTED", "Cannot run a container: its snapshot has no directory");
  }
  return { cacheId: row.cacheId, directory: store.directories.snapshot(row.cacheId) };
}

/** The last part of the image's name, and a number nobody has. */
function inventKey({ record }: StoredImage): string {
  const name = /([a-z0-9._-]+)(?::[^/:@]*)?$/.exec(record.name)?.[1] ?? "container";
  const plain = record.name.startsWith("<") ? "container" : name;
  return `${plain}-${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
}
