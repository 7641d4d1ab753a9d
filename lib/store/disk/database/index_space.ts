import { isSupported, reserveFd } from "../../../linux/mod.ts";
import { withOpenFile } from "./database_file.ts";

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
  withOpenFile(`${database}-shm`, (fd) => reserveFd(fd, 0, INDEX_BYTES));
}
