import { fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  type Fd,
  fileErrno,
  isErrno,
  openDirectoryAt,
  ownFd,
  performUnmount,
  removeTree,
  statFd,
} from "../../linux/mod.ts";
import type { Directories } from "../../store/mod.ts";

const PREFIX = "probe-";

/** Seconds after which a probe has surely got to its lock. */
const OLD = 60;

/** Where a probe mounts: `at` is unmounted when it ends. */
export interface ProbeDirectory {
  /** An empty directory on the store's file system. */
  readonly base: string;
  /** The lock on it, a descriptor. */
  readonly fd: Fd;
  /** `merged` in it, not there yet. */
  readonly at: string;
}

/** Tries something in a directory of `mounts/` that goes afterwards, and tells failures as why it does not work. */
export function inProbeDirectory<T>(
  { mounts }: Directories,
  probe: (directory: ProbeDirectory) => T,
): T | string {
  removeLeft(mounts);
  const base = Deno.makeTempDirSync({ dir: mounts, prefix: PREFIX });
  using lock = ownFd(openDirectoryAt(CWD, fromText(base)));
  lock.lock("shared");
  try {
    return probe({ base, fd: lock.fd, at: `${base}/merged` });
  } catch (error) {
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

/** Removes what probes left that were killed. One that runs holds its lock, once it got to it. */
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
        // Still mounted: it is left to one who may unmount.
        if (!isErrno(error, "EXDEV")) throw error;
      }
    }
  }
}

function remove(base: string): void {
  try {
    performUnmount(fromText(`${base}/merged`), { lazy: true });
  } catch (error) {
    // Root of a user namespace without mounts of its own may not even ask whether something is mounted.
    if (!isErrno(error, "EPERM")) throw error;
  }
  const slash = base.lastIndexOf("/");
  using parent = ownFd(openDirectoryAt(CWD, fromText(base.slice(0, slash))));
  removeTree(parent.fd, fromText(base.slice(slash + 1)));
}
