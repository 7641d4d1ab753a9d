import { CONTAINER_LABELS } from "../../container/internal.ts";
import { VarveError } from "../../errors.ts";
import { absolutePath, guarded } from "../../linux/mod.ts";
import { createPool, type Pool } from "../../pool/mod.ts";
import { LOCK_LABEL } from "../../snapshot/internal.ts";
import { MOUNT_LABEL } from "../../snapshot/mod.ts";
import {
  type CopiedRows,
  copyDatabaseTo,
  factOf,
  forgetSnapshots,
  GENERATION,
  hasStill,
  LAYER_FILES,
  LAYOUT_FILES,
  MARKER,
  mustHold,
  requireDisk,
  restoreIndex,
  ROOT_FILES,
} from "../../store/internal.ts";
import {
  type DiskStore,
  type Ingest,
  openStore,
  type SnapshotRow,
  type Store,
} from "../../store/mod.ts";
import { mountedKeys } from "../prune/unused.ts";
import { FileCopier } from "./copy_files.ts";
import { copySnapshot } from "./copy_snapshots.ts";
import { makeUnfinished } from "./temporary.ts";

/** Options of {@linkcode backupStore}. */
export interface BackupOptions {
  /**
   * Whether to copy read-write snapshots and views, so the files of containers, too. A container that runs is paused
   * while its files are copied. Default: true.
   */
  readonly snapshots?: boolean | undefined;
  /**
   * Whether the backup shares immutable files with the store by hard links, where both are on the same file system. It
   * then takes no space for them, but damage to such a file is damage to both. Default: false.
   */
  readonly link?: boolean | undefined;
  /** The pool that copies snapshots. When absent, workers start and end with the call. */
  readonly pool?: Pool | undefined;
  /** Aborts the backup. Nothing of it is left. */
  readonly signal?: AbortSignal | undefined;
}

/** Result of {@linkcode backupStore}. */
export interface BackupReport {
  /** Absolute path of the backup. */
  readonly directory: string;
  /** Immutable files that are hard links to those of the store. */
  readonly linked: number;
  /** Immutable files that were copied. The copy shares blocks with the store if the file system can. */
  readonly copied: number;
  /** Bytes of the immutable files. */
  readonly bytes: number;
  /** Number of directories of snapshots that were copied. */
  readonly snapshots: number;
  /** Keys of read-write snapshots and views that were left out. */
  readonly leftOut: readonly string[];
  /**
   * Keys of read-write snapshots that were mounted outside of containers, where processes that write cannot be paused,
   * and of those whose container another process had paused all the time. These files may be from different moments.
   */
  readonly unpaused: readonly string[];
}

/** How often a backup begins again, when the store changes so much that what it copies is gone. */
const ATTEMPTS = 3;

/**
 * Copies a store to a new directory: a store that opens, from one moment, while other processes use the original. What
 * can be made again is left out: composed images, extracted directories, parts of downloads, trash. So are mounts and
 * `lost/`.
 *
 * The directory gets its name when everything is in it and synced. When the call fails or the process is killed, there
 * is nothing.
 *
 * @param directory nothing, or an empty directory, on any file system
 * @throws {VarveError} `E_EXISTS` the directory is not empty · `E_PRECONDITION` it is a mount point · `E_NOT_FOUND` its parent is missing · `E_USAGE` it is in
 * the store · `E_DAMAGE` a file of the store is missing · `E_BUSY` the store changes all the time ·
 * `E_UNSUPPORTED` a container cannot be paused · `E_SYSCALL`
 *
 * @example
 * ```ts
 * import { backupStore, openStore } from "@varve/varve";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root: `${root}/store` });
 *   await backupStore(store, `${root}/backup`);
 * }
 * {
 *   await using copy = await openStore({ root: `${root}/backup`, create: false });
 *   if (copy.images.list().length !== 0) throw new Error("there was no image");
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function backupStore(
  store: Store,
  directory: string,
  options: BackupOptions = {},
): Promise<BackupReport> {
  const disk = requireDisk(store, "back up the store");
  const target = absolutePath(directory);
  options.signal?.throwIfAborted();
  if (target === disk.root || target.startsWith(`${disk.root}/`)) {
    throw new VarveError("E_USAGE", `Cannot back up to ${target}: it is in the store`, {
      subject: target,
      hint: "give a directory outside of the store",
    });
  }
  await using owned = new AsyncDisposableStack();
  const pool = options.pool ?? owned.use(createPool());
  for (let attempt = 1;; attempt++) {
    try {
      return await guarded(
        "back up the store",
        () => attemptBackup(disk, target, { ...options, pool }),
      );
    } catch (error) {
      // What a process repairs or removes meanwhile is missing for once.
      const mayPass = error instanceof VarveError && /^E_(?:BUSY|DAMAGE)$/.test(error.code);
      if (!mayPass || attempt === ATTEMPTS) throw error;
    }
  }
}

async function attemptBackup(
  store: DiskStore,
  target: string,
  options: BackupOptions & { readonly pool: Pool },
): Promise<BackupReport> {
  const { signal, pool, link = false, snapshots: withSnapshots = true } = options;
  await using unfinished = await makeUnfinished(target);
  const root = unfinished.path;
  const leftOut: string[] = [];
  // The ingest keeps what is copied from gc.
  await using ingest = mustHold(store, "back up the store") ? await store.ingest() : null;
  const rows = await copyRows(store, ingest, `${root}/${ROOT_FILES.database}`, (row) => {
    const isLeftOut = row.kind !== "committed" &&
      (!withSnapshots || isOfThisMachine(store, row));
    if (isLeftOut) leftOut.push(row.key);
    return isLeftOut;
  });
  const files = new FileCopier(link, signal);
  await copyBlobs(store, rows, root, files);
  await copyLayers(store, rows, root, files);
  const mounted = mountedKeys(store);
  const unpaused: string[] = [], gone: SnapshotRow[] = [];
  let count = 0;
  await Deno.mkdir(`${root}/${ROOT_FILES.snapshots}`, { mode: 0o700 });
  for (const row of rows.snapshots) {
    if (row.cacheId === null) continue;
    signal?.throwIfAborted();
    const to = `${root}/${ROOT_FILES.snapshots}/${row.cacheId}`;
    await Deno.mkdir(to, { mode: 0o700 });
    const copied = await copySnapshot(store, row, row.cacheId, to, { pool, signal });
    if (copied !== "gone") {
      count++;
      const isContainer = row.labels[CONTAINER_LABELS.image] !== undefined;
      const isMounted = row.scope === "" && mounted.has(row.key) && row.kind === "active";
      if (copied === "unpaused" || isMounted && !isContainer) unpaused.push(row.key);
    } else {
      if (row.kind === "committed") throw changed(`snapshot ${row.key}`);
      await Deno.remove(to, { recursive: true });
      gone.push(row);
    }
  }
  const goneIds = gone.flatMap(({ cacheId }) => cacheId ?? []);
  if (goneIds.length > 0) forgetSnapshots(`${root}/${ROOT_FILES.database}`, goneIds);
  await complete(root, rows.snapshots.filter((row) => !gone.includes(row)));
  await unfinished.finish();
  const { linked, copied, bytes } = files;
  return {
    directory: target,
    linked,
    copied,
    bytes,
    snapshots: count,
    leftOut: [...leftOut, ...gone.map(({ key }) => key)].sort(),
    unpaused,
  };
}

/** Copies the rows, and keeps everything that they name from gc. */
async function copyRows(
  store: DiskStore,
  ingest: Ingest | null,
  path: string,
  leaveOut: (row: SnapshotRow) => boolean,
): Promise<CopiedRows> {
  await ingest?.hold([
    ...store.blobs.list().map(({ digest }) => digest),
    ...store.layers.list().map(({ diffId }) => diffId),
  ]);
  const rows = await copyDatabaseTo(store, path, {
    lease: ({ labels }) => labels[MOUNT_LABEL] !== undefined || labels[LOCK_LABEL] !== undefined,
    snapshot: leaveOut,
  });
  // Some of it may have come in since it was listed.
  await ingest?.hold([...rows.blobs, ...rows.layers.map(({ diffId }) => diffId)]);
  if (!hasStill(store, rows)) throw changed("a blob or a layer");
  return rows;
}

/** Whether a snapshot ends with a mount or a run: the view of a mount, or the snapshot of `run --rm`. */
function isOfThisMachine(store: DiskStore, { scope, key, kind, labels }: SnapshotRow): boolean {
  if (scope !== "") return false;
  if (labels[CONTAINER_LABELS.remove] !== undefined) return true;
  return kind === "view" && store.leases.get(key)?.labels[MOUNT_LABEL] !== undefined;
}

async function copyBlobs(
  store: DiskStore,
  { blobs }: CopiedRows,
  root: string,
  files: FileCopier,
): Promise<void> {
  for (const digest of blobs) {
    const path = `${ROOT_FILES.content}/blobs/${digest.replace(":", "/")}`;
    await Deno.mkdir(`${root}/${path.slice(0, path.lastIndexOf("/"))}`, {
      recursive: true,
      mode: 0o700,
    });
    await files.needed(`${store.root}/${path}`, `${root}/${path}`);
  }
}

async function copyLayers(
  store: DiskStore,
  { layers }: CopiedRows,
  root: string,
  files: FileCopier,
): Promise<void> {
  for (const { cacheId } of layers) {
    const path = `${ROOT_FILES.layers}/${cacheId}`;
    await Deno.mkdir(`${root}/${path}`, { recursive: true, mode: 0o700 });
    for (const name of [LAYER_FILES.tar, LAYER_FILES.tree, MARKER]) {
      await files.needed(`${store.root}/${path}/${name}`, `${root}/${path}/${name}`);
    }
    await files.file(`${store.root}/${path}/${GENERATION}`, `${root}/${path}/${GENERATION}`);
  }
}

/** Opens the copy once: that makes what every store has. Writes the markers of snapshots as their rows are. */
async function complete(root: string, snapshots: readonly SnapshotRow[]): Promise<void> {
  await using copy = await openStore({ root, create: false });
  // A store opens on a full disk, too, and leaves the file to a later start.
  if (factOf(`${root}/${ROOT_FILES.content}`, LAYOUT_FILES.index) === undefined) {
    await restoreIndex(copy);
  }
  for (const row of snapshots) {
    if (row.cacheId === null) continue;
    const facts = { ...row, use: row.kind };
    await copy.directories.changeSnapshot(row.cacheId, () => facts, () => {});
  }
}

function changed(what: string): VarveError {
  return new VarveError("E_BUSY", `Cannot back up the store: ${what} was removed meanwhile`, {
    hint: "try again",
  });
}
