/** Who uses a mount, for the message that it cannot be unmounted. */
import { type ByteString, escapeForTerminal } from "../bytes/mod.ts";
import {
  CWD,
  isErrno,
  openDirectoryAt,
  ownFd,
  readDirectory,
  readLinkAt,
  readMountInfo,
} from "../linux/mod.ts";

/** Largest number of users that the message names. */
const NAMED = 4;

/**
 * Names the processes that have something open below a directory, and the mounts in it:
 * `sh (process 71), a mount at /mnt/proc`. Empty when none is found: a process of another user, or in
 * another mount namespace, cannot be seen.
 */
export function usersOf(directory: ByteString): string {
  const users: string[] = [];
  for (const { mountPoint } of readMountInfo()) {
    if (mountPoint.startsWith(`${directory}/`)) {
      users.push(`a mount at ${escapeForTerminal(mountPoint)}`);
    }
  }
  for (const { name } of Deno.readDirSync("/proc")) {
    if (/^[0-9]+$/.test(name) && usesBelow(`/proc/${name}`, directory)) {
      users.push(`${commandOf(name)} (process ${name})`);
    }
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
  return ["cwd", "root", "exe"].some((name) => isBelow(linkAt(`${process}/${name}`))) ||
    ["fd", "map_files"].some((name) => linksIn(`${process}/${name}`).some(isBelow));
}

function linkAt(path: string): ByteString | undefined {
  return unlessGone(() => readLinkAt(CWD, path as ByteString));
}

function linksIn(path: string): ByteString[] {
  return unlessGone(() => {
    using directory = ownFd(openDirectoryAt(CWD, path as ByteString));
    return [...readDirectory(directory.fd)].flatMap(({ name, type }) =>
      type === "symlink" ? linkAt(`${path}/${name}`) ?? [] : []
    );
  }) ?? [];
}

/** The name of a process's program, printable. */
function commandOf(pid: string): string {
  try {
    const name = Deno.readTextFileSync(`/proc/${pid}/comm`).trimEnd();
    return name.replaceAll(/[^\x21-\x7e]/g, "?");
  } catch {
    return "?";
  }
}

/** The result of a look at a process; `undefined` when the process ended or may not be looked at. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}
