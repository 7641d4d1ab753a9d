/** Who uses a mount, for the message that it cannot be unmounted. */
import { type ByteString, escapeForTerminal } from "../bytes/mod.ts";
import {
  CWD,
  isErrno,
  openDirectoryAt,
  ownFd,
  processIds,
  readDirectory,
  readKernelFile,
  readKernelLink,
  readMountInfo,
} from "../linux/mod.ts";

/** Largest number of users that the message names. */
const NAMED = 4;

/** Where the kernel lists block devices. */
const BLOCK_DEVICES = "/sys/block";

/**
 * Names the processes that have something open below a directory, and the mounts and the files of loop devices in it:
 * `sh (process 71), a mount at /mnt/proc, /dev/loop0`. Empty when none is found: a process of another user, or in
 * another mount namespace, cannot be seen.
 */
export function usersOf(directory: ByteString): string {
  const users: string[] = [];
  for (const { mountPoint } of readMountInfo()) {
    if (mountPoint.startsWith(`${directory}/`)) {
      users.push(`a mount at ${escapeForTerminal(mountPoint)}`);
    }
  }
  for (const name of namesIn(BLOCK_DEVICES)) {
    const file = readKernelFile(`${BLOCK_DEVICES}/${name}/loop/backing_file`);
    if (file?.startsWith(`${directory}/`)) users.push(`/dev/${name}`);
  }
  for (const name of processIds()) {
    if (usesBelow(`/proc/${name}`, directory)) users.push(`${commandOf(name)} (process ${name})`);
  }
  const more = users.length - NAMED;
  return [...users.slice(0, NAMED), ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

/**
 * Whether a process has its working or root directory below a directory, runs a program from it, or has a file in it
 * open or mapped.
 */
function usesBelow(process: string, directory: ByteString): boolean {
  const isBelow = (path: ByteString | undefined) =>
    path === directory || path !== undefined && path.startsWith(`${directory}/`);
  return ["cwd", "root", "exe"].some((name) => isBelow(readKernelLink(`${process}/${name}`))) ||
    ["fd", "map_files"].some((name) => linksIn(`${process}/${name}`).some(isBelow));
}

function linksIn(path: string): ByteString[] {
  return namesIn(path).flatMap((name) => readKernelLink(`${path}/${name}`) ?? []);
}

/** The names of the symbolic links in a directory of /proc or /sys. */
function namesIn(path: string): ByteString[] {
  try {
    using directory = ownFd(openDirectoryAt(CWD, path as ByteString));
    return [...readDirectory(directory.fd)].flatMap(({ name, type }) =>
      type === "symlink" ? name : []
    );
  } catch (error) {
    // The process ended, or this user may not look at it.
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return [];
    throw error;
  }
}

/** The name of a process's program, printable. */
function commandOf(pid: string): string {
  const name = readKernelFile(`/proc/${pid}/comm`) ?? "?";
  return name.trimEnd().replaceAll(/[^\x21-\x7e]/g, "?");
}
