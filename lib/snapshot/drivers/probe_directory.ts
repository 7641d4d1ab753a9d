import { fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  type Fd,
  fileErrno,
  isErrno,
  isNoSpace,
  openDirectoryAt,
  ownFd,
  performUnmount,
  removeTree,
  statFd,
} from "../../linux/mod.ts";
import type { Directories } from "../../store/mod.ts";

const PREFIX = "probe-";

/**
 * Age in seconds after which an unlocked directory counts as left over. A live probe has locked its directory by then.
 */
const OLD = 60;

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
 * Runs a probe in a new directory of `mounts/`, and removes the directory afterwards.
 *
 * @returns what the probe returns; the message when it fails
 * @throws the error of a full disk
 */
export function inProbeDirectory<T>(
  { mounts }: Directories,
  probe: (directory: ProbeDirectory) => T,
): T | string {
  removeLeft(mounts);
  const base = Deno.makeTempDirSync({ dir: mounts, prefix: PREFIX });
  using lock = ownFd(openDirectoryAt(CWD, fromText(base)));
  lock.lock("shared");
  try {
    return probe({ base, fd: lock.fd, at: `${base}/${MOUNT_POINT}` });
  } catch (error) {
    // A full disk says nothing about the driver.
    if (isNoSpace(error)) throw error;
    if (error instanceof VarveError) {
      const { hint } = error.details;
      return hint === undefined || error.message.includes(hint)
        ? error.message
        : `${error.message}; ${hint}`;
    }
    if (fileErrno(error) !== undefined) return (error as Error).message;
    throw error;
  } finally {
    remove(base);
  }
}

/** Removes the directories of probes that were killed. Such directories are old and not locked. */
function removeLeft(mounts: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(mounts)) {
    if (!isDirectory || !name.startsWith(PREFIX)) continue;
    let fd: Fd;
    try {
      fd = openDirectoryAt(CWD, fromText(`${mounts}/${name}`));
    } catch {
      continue;
    }
    using left = ownFd(fd);
    const { lo, hi } = statFd(left.fd).mtime;
    const age = Date.now() / 1000 - (hi * 0x1_0000_0000 + lo);
    if (age > OLD && left.lock("exclusive")) {
      try {
        remove(`${mounts}/${name}`);
      } catch (error) {
        // It is still mounted, and this user may not unmount it. A probe of another user will remove it.
        if (!isErrno(error, "EXDEV")) throw error;
      }
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
