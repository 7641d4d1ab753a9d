/** Whether something still uses a mount that is not in the tree of directories any more. */
import type { ByteString } from "../../bytes/mod.ts";
import { CWD, openDirectoryAt, ownFd } from "../files/fd.ts";
import { readDirectory } from "../files/directory.ts";
import { readKernelFile } from "../files/kernel_file.ts";
import { mountIdOf } from "../files/stat.ts";
import { attempt } from "../libc/call.ts";
import { errnoName, isErrno } from "../libc/errno.ts";
import { libc } from "../libc/libc.ts";
import { SYS } from "../libc/numbers.ts";
import { processIds } from "../process.ts";

/** Size in bytes of `struct ustat`. */
const USTAT_BYTES = 32;

/**
 * Whether the kernel has a file system with a device number, whether or not it can be seen: a mount that was detached,
 * or one in another mount namespace. It lives until the last mount of it and the last file in it are closed.
 *
 * ustat(2) answers that. 64-bit ARM does not have it, and a sandbox may refuse it.
 *
 * @param device `major:minor`, as in mountinfo
 * @returns `undefined` when the kernel does not tell
 */
export function hasFileSystem(device: string): boolean | undefined {
  const { ustat } = SYS;
  const [major = NaN, minor = NaN] = device.split(":").map(Number);
  if (ustat === undefined || !Number.isInteger(major) || !Number.isInteger(minor)) return undefined;
  const number = ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
  const result = attempt(() => libc().ustat(ustat, number, new Uint8Array(USTAT_BYTES)));
  if (result >= 0) return true;
  return errnoName(-result) === "EINVAL" ? false : undefined;
}

/** What is asked of a mount. */
export interface UsedMount {
  /** Its id, by {@linkcode mountIdOf}. */
  readonly id: bigint;
  /** Device number of its files, as `major:minor`; `undefined` if what is mapped has another one. */
  readonly device: string | undefined;
}

/**
 * Whether a process has its working or root directory in a mount, runs a program from it, or has a file in it open or
 * mapped. Descriptors that are on their way between processes are not seen, nor are processes that this one cannot see.
 */
export function isMountUsed({ id, device }: UsedMount): boolean {
  const leads = (path: string) => mountIdOf(path as ByteString) === id;
  return processIds().some((pid) => {
    const process = `/proc/${pid}`;
    return ["cwd", "root", "exe"].some((name) => leads(`${process}/${name}`)) ||
      namesIn(`${process}/fd`).some((name) => leads(`${process}/fd/${name}`)) ||
      mappingsOf(process, device).some((name) => leads(`${process}/map_files/${name}`));
  });
}

/** A line of /proc/PID/maps: addresses, and the device in hexadecimal (proc_pid_maps(5)). */
const MAPPING = /^([0-9a-f]+-[0-9a-f]+) \S+ \S+ ([0-9a-f]+):([0-9a-f]+) [1-9]/gm;

/** Names in `map_files` of the files of a device that a process has mapped; without a device, of all. */
function mappingsOf(process: string, device: string | undefined): string[] {
  const names: string[] = [];
  for (
    const [, name = "", major, minor] of readKernelFile(`${process}/maps`)?.matchAll(MAPPING) ?? []
  ) {
    const of = `${Number(`0x${major}`)}:${Number(`0x${minor}`)}`;
    // The names have no leading zeros.
    if (device === undefined || of === device) {
      names.push(name.replace(/(^|-)0+(?=[0-9a-f])/g, "$1"));
    }
  }
  return names;
}

/** Names in a directory of /proc; none when the process has ended, or this user may not look at it. */
function namesIn(path: string): string[] {
  try {
    using directory = ownFd(openDirectoryAt(CWD, path as ByteString));
    return [...readDirectory(directory.fd)].map(({ name }) => name);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return [];
    throw error;
  }
}
