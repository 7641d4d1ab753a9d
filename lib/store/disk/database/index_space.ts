import { fromText } from "../../../bytes/mod.ts";
import type { ByteString } from "../../../bytes/mod.ts";
import {
  CWD,
  type Fd,
  isErrno,
  isSupported,
  openDirectoryAt,
  ownFd,
  readDirectory,
  reserveFd,
  sameInode,
  type Stat,
  statFd,
  tryStatAt,
} from "../../../linux/mod.ts";

/** Size in bytes that the index of the WAL does not pass: enough for 8,000 pages in the WAL. */
const INDEX_BYTES = 64 * 1024;

/**
 * Allocates the blocks of the index of an open database (`meta.db-shm`).
 *
 * SQLite maps the index into memory, and writes one byte of every 4096. With smaller blocks the rest are holes. On a
 * full disk the kernel ends a process that writes into a hole of a mapped file, by SIGBUS.
 *
 * The descriptor must be SQLite's own: when a process closes another descriptor of the file, it loses SQLite's locks
 * on it (fcntl(2)).
 *
 * @throws {VarveError} `E_SYSCALL` with `ENOSPC`
 */
export function allocateIndex(database: string): void {
  if (!isSupported()) return;
  const index = tryStatAt(CWD, fromText(`${database}-shm`));
  if (index === undefined) return;
  using directory = ownFd(openDirectoryAt(CWD, "/proc/self/fd" as ByteString));
  for (const { name } of readDirectory(directory.fd)) {
    const fd = Number(name) as Fd;
    const stat = statOrNothing(fd);
    if (stat === undefined || !sameInode(stat, index)) continue;
    reserveFd(fd, 0, INDEX_BYTES);
    return;
  }
}

function statOrNothing(fd: Fd): Stat | undefined {
  try {
    return statFd(fd);
  } catch (error) {
    // Another thread closed it meanwhile, or the name is not a number.
    if (isErrno(error, "EBADF")) return undefined;
    throw error;
  }
}
