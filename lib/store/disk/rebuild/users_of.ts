import {
  CWD,
  isErrno,
  isSupported,
  openDirectoryAt,
  ownFd,
  processIds,
  readDirectory,
  readKernelLink,
} from "../../../linux/mod.ts";
import { fromText } from "../../../bytes/mod.ts";
import { ownersIn } from "../ingest_names.ts";
import { isAlive } from "../owner.ts";
import type { Paths } from "../paths.ts";
import { namesIn } from "../system.ts";

/**
 * Who has a store open: `process 71`, or `another process` when only its lock shows it.
 *
 * @param databases absolute paths of the database
 */
export async function usersOf(paths: Paths, databases: readonly string[]): Promise<string[]> {
  const users: string[] = [];
  for (const owner of ownersIn(await namesIn(paths.ingest))) {
    if (await isAlive(paths, owner)) users.push("another process");
  }
  // Without system calls only the locks show who uses the store.
  if (!isSupported()) return users;
  const wanted = new Set<string>(databases.map(fromText));
  const pids = processIds().filter((pid) => openFiles(pid).some((path) => wanted.has(path)));
  return pids.length > 0 ? pids.map((pid) => `process ${pid}`) : users;
}

function openFiles(pid: string): string[] {
  const path = `/proc/${pid}/fd`;
  try {
    using directory = ownFd(openDirectoryAt(CWD, fromText(path)));
    return [...readDirectory(directory.fd)].flatMap(({ name }) =>
      readKernelLink(`${path}/${name}`) ?? []
    );
  } catch (error) {
    // The process ended, or this user may not look at it.
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return [];
    throw error;
  }
}
