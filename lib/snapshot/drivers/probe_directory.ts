import { fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  type Fd,
  fileErrno,
  isErrno,
  isExhausted,
  isNoSpace,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  performUnmount,
  removeTree,
  tryStatAt,
} from "../../linux/mod.ts";
import type { Directories } from "../../store/mod.ts";

const PREFIX = "probe-";

/** Name of the mount point in the directory of a probe. */
const MOUNT_POINT = "merged";

/** The directory of a probe. */
export interface ProbeDirectory {
  /** Path of an empty directory on the store's file system. */
  readonly base: string;
  /** Descriptor of that directory; it is locked. */
  readonly fd: Fd;
  /** Path of a mount point in that directory, which does not exist yet. It is unmounted after the probe. */
  readonly at: string;
}

/**
 * Runs a probe in a new directory of `mounts/`, and removes the directory afterwards. What cannot be removed says
 * nothing about the driver: a later probe or gc removes it.
 *
 * @returns what the probe returns; the message when it fails
 * @throws an error that is {@linkcode isPassing}
 */
export function inProbeDirectory<T>(
  { mounts }: Directories,
  probe: (directory: ProbeDirectory) => T,
): T | string {
  ignoreErrno(() => removeLeftProbes(mounts));
  const { base, lock: taken } = createLocked(mounts);
  using lock = taken;
  try {
    return probe({ base, fd: lock.fd, at: `${base}/${MOUNT_POINT}` });
  } catch (error) {
    if (isPassing(error)) throw error;
    if (error instanceof VarveError) {
      const { hint } = error.details;
      return hint === undefined || error.message.includes(hint)
        ? error.message
        : `${error.message}; ${hint}`;
    }
    if (fileErrno(error) !== undefined) return (error as Error).message;
    throw error;
  } finally {
    ignoreErrno(() => remove(base));
  }
}

/**
 * Whether an error of a probe says nothing about the driver: the disk is full, the process has too many open files or too
 * little memory, or signals interrupted it again and again.
 */
export function isPassing(error: unknown): boolean {
  return isNoSpace(error) || isExhausted(error) || isErrno(error, "EINTR");
}

function ignoreErrno(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (fileErrno(error) === undefined) throw error;
  }
}

/** Makes a directory of a probe and locks it. One that another process removed before it was locked is made again. */
function createLocked(mounts: string): { readonly base: string; readonly lock: OwnedFd } {
  for (;;) {
    const base = Deno.makeTempDirSync({ dir: mounts, prefix: PREFIX });
    const lock = tryOpen(base, "ENOENT");
    if (lock === undefined) continue;
    if (lock.lock("shared") && tryStatAt(CWD, fromText(base)) !== undefined) return { base, lock };
    lock[Symbol.dispose]();
  }
}

/** Opens a directory; `undefined` after an error that is expected. */
function tryOpen(path: string, ...expected: ("ENOENT" | "EACCES")[]): OwnedFd | undefined {
  try {
    return ownFd(openDirectoryAt(CWD, fromText(path)));
  } catch (error) {
    if (isErrno(error, ...expected)) return undefined;
    throw error;
  }
}

/**
 * Removes the directories of probes that were killed: no process has locked them.
 *
 * @param mounts the store's `mounts/`
 */
export function removeLeftProbes(mounts: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(mounts)) {
    if (!isDirectory || !name.startsWith(PREFIX)) continue;
    const path = `${mounts}/${name}`;
    using left = tryOpen(path, "ENOENT", "EACCES");
    if (left?.lock("exclusive") !== true) continue;
    try {
      remove(path);
    } catch (error) {
      // It is still mounted, and this user may not unmount it. A probe of another user will remove it.
      if (!isErrno(error, "EXDEV")) throw error;
    }
  }
}

function remove(base: string): void {
  try {
    performUnmount(fromText(`${base}/${MOUNT_POINT}`), { lazy: true });
  } catch (error) {
    // The root user of a user namespace needs a mount namespace of its own, or umount2 fails with EPERM.
    if (!isErrno(error, "EPERM")) throw error;
  }
  const slash = base.lastIndexOf("/");
  using parent = ownFd(openDirectoryAt(CWD, fromText(base.slice(0, slash))));
  removeTree(parent.fd, fromText(base.slice(slash + 1)));
}
