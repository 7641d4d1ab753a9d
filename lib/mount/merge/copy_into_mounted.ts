import { type ByteString, fromText } from "../../bytes/mod.ts";
import { copyJob, copyStages, newCopyStage, syncJob } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  existsAt,
  type Fd,
  isErrno,
  mkdirAt,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  removeTree,
  statFd,
  utimensFd,
} from "../../linux/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import { mountOfSnapshot } from "../../snapshot/internal.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";
import type { DiskStore } from "../../store/mod.ts";
import { applyMerge } from "./apply_merge.ts";
import { changedMeanwhile, findDestination, type Wanted } from "./destination.ts";
import { openIn, planMerge } from "./plan_merge.ts";

/** The files are one level below. Their root may get any mode, and only root of the container may reach them. */
const FILES = "files" as ByteString;

/** What is copied into a snapshot that is mounted. */
export interface MountedCopy extends Wanted {
  readonly store: DiskStore;
  readonly pool: Pool;
  readonly signal?: AbortSignal | undefined;
  /** The files, written elsewhere. */
  readonly staged: Fd;
  /** The directories among them that do not change one that is there. */
  readonly implied: ReadonlySet<ByteString>;
  /** The directory of the snapshot in the store, locked: nobody mounts or removes the snapshot meanwhile. */
  readonly lock: Fd;
}

/**
 * Copies files into a snapshot through its mount in this mount namespace. What is mounted on top of it only in the mount
 * namespace of a container, such as volumes and `/proc`, is not touched: the files go into the snapshot below.
 *
 * A process of the container may rename and replace everything meanwhile. So each name is reached by descriptors, from
 * the root of the mount, through no symbolic link and no other mount. The wrong file of the container may be
 * overwritten then, but nothing outside of the snapshot.
 *
 * @returns absolute path of what was copied; `undefined` when the snapshot is not mounted any more
 * @throws {VarveError} as `copyPathInto`
 */
export async function copyIntoMounted(copy: MountedCopy): Promise<ByteString | undefined> {
  const { store, pool, key, staged, implied, lock, signal } = copy;
  using root = openMounted(store, key);
  if (root === undefined) return undefined;
  const { mtime } = statFd(root.fd);
  // This copy has the lock, so others were killed.
  for (const left of copyStages(root.fd)) removeStaged(root.fd, left);
  const name = newCopyStage();
  mkdirAt(root.fd, name, 0o700);
  const sync = () => store.durability === "full" ? pool.run(syncJob, root.fd) : null;
  let path: ByteString;
  try {
    proveOwn(copy, lock, name);
    using closed = openIn(root.fd, name);
    mkdirAt(closed.fd, FILES, 0o700);
    using inside = openIn(closed.fd, FILES);
    const input = { from: staged, to: inside.fd, keepsOverlays: false, refusesWhiteouts: true };
    await pool.run(copyJob, input, { signal });
    await sync();
    const destination = findDestination(root.fd, inside.fd, copy);
    const plan = planMerge(root.fd, inside.fd, { key, ...destination, isOverlay: false });
    applyMerge(root.fd, inside.fd, plan, implied, true);
    path = `/${plan.path}` as ByteString;
  } catch (error) {
    throw inWords(error, key);
  } finally {
    removeStaged(root.fd, name);
    utimensFd(root.fd, mtime);
  }
  await sync();
  return path;
}

/** Opens the root of the mount; `undefined` when there is none. @throws {VarveError} `E_BUSY` it cannot be reached */
function openMounted(store: DiskStore, key: string): OwnedFd | undefined {
  const mount = mountOfSnapshot(store, key);
  if (mount === undefined) return undefined;
  const root = ownFd(openDirectoryAt(CWD, mount.mountPoint));
  // From here on nobody can unmount it.
  if (statFd(root.fd).mount === BigInt(mount.id)) return root;
  root[Symbol.dispose]();
  if (mountOfSnapshot(store, key)?.id !== mount.id) return undefined;
  throw unreachable(key, mount.mountPoint);
}

/** Proves that the mount shows the snapshot: a new name is in its directory, too. @throws {VarveError} `E_BUSY` */
function proveOwn({ key }: Wanted, lock: Fd, name: ByteString): void {
  using files = ownFd(openDirectoryAt(lock, fromText(SNAPSHOT_FILES.files)));
  if (!existsAt(files.fd, name)) throw unreachable(key, "a directory that others use as well");
}

function unreachable(key: string, place: string): VarveError {
  return new VarveError(
    "E_BUSY",
    `Cannot copy to snapshot ${JSON.stringify(key)}: its mount at ${place} cannot be reached`,
    { subject: key, hint: "unmount what is mounted on top of it, or unmount the snapshot" },
  );
}

/** The error in words, if it says that a path is not what it was a moment before. */
function inWords(error: unknown, key: string): unknown {
  if (isErrno(error, "EXDEV")) {
    return new VarveError(
      "E_PRECONDITION",
      `Cannot copy to snapshot ${JSON.stringify(key)}: another file system is mounted there`,
      { subject: key, hint: "copy to that file system, or unmount it" },
      { cause: error },
    );
  }
  return isMoved(error) ? changedMeanwhile(key) : error;
}

/** Whether a call failed because somebody moved or replaced a file. */
function isMoved(error: unknown): boolean {
  return isErrno(error, "ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENOTEMPTY", "EEXIST");
}

/** How often a removal is tried while somebody moves the files. */
const MAX_TRIES = 8;

/** Removes the directory of a copy. If the container keeps moving it, the next copy removes it. */
function removeStaged(root: Fd, name: ByteString): void {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      removeTree(root, name);
      return;
    } catch (error) {
      if (!isMoved(error)) throw error;
    }
  }
}
