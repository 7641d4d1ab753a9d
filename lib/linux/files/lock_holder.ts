import { type ByteString, escapeForTerminal, fromText } from "../../bytes/mod.ts";
import { readKernelFile, readKernelLink } from "./kernel_file.ts";
import { CWD, openDirectoryAt, ownFd } from "./fd.ts";
import { readDirectory } from "./directory.ts";
import { tryStatAt } from "./stat.ts";
import { isErrno } from "../libc/errno.ts";

/** Maximum number of characters of a command line that are shown. */
const SHOWN = 60;

/** A process that holds a lock. */
export interface LockHolder {
  /** Its id. */
  readonly pid: number;
  /** The beginning of its command line; empty if it cannot be read. Safe for a terminal. */
  readonly command: string;
}

/**
 * Finds a process that has locked a file by flock(2), as /proc/locks tells.
 *
 * @returns `undefined` when there is none, or none that this process can see: in another pid namespace, or on another
 *   machine
 * @throws {VarveError} `E_DENIED` without permission for FFI
 */
export function lockHolder(path: string): LockHolder | undefined {
  const real = realPath(path);
  const file = real === undefined ? undefined : tryStatAt(CWD, real);
  if (real === undefined || file === undefined) return undefined;
  // 7: FLOCK  ADVISORY  WRITE 1234 fe:00:5245489 0 EOF
  const locks = readKernelFile("/proc/locks") ?? "";
  for (const line of locks.split("\n")) {
    const [, kind, , , pid, id] = line.trim().split(/ +/);
    if (kind !== "FLOCK" || id?.split(":")[2] !== String(file.inode)) continue;
    // The device of a file is not always that of its file system (btrfs): the descriptors of the process tell.
    if (!hasOpen(`/proc/${pid}/fd`, real)) continue;
    return { pid: Number(pid), command: commandOf(pid as string) };
  }
  return undefined;
}

function realPath(path: string): ByteString | undefined {
  try {
    return fromText(Deno.realPathSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function hasOpen(directory: string, path: ByteString): boolean {
  try {
    using fds = ownFd(openDirectoryAt(CWD, directory as ByteString));
    return [...readDirectory(fds.fd)].some(({ name }) =>
      readKernelLink(`${directory}/${name}`) === path
    );
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES", "EPERM", "ESRCH")) return false;
    throw error;
  }
}

function commandOf(pid: string): string {
  const words = (readKernelFile(`/proc/${pid}/cmdline`) ?? "").split("\0").filter((w) => w !== "");
  const line = words.join(" ");
  const shown = line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
  return escapeForTerminal(shown as ByteString);
}
