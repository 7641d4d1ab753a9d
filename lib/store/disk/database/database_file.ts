import { DatabaseSync } from "node:sqlite";
import { type ByteString, fromText } from "../../../bytes/mod.ts";
import {
  CWD,
  type Fd,
  isSupported,
  openDirectoryAt,
  ownFd,
  readDirectory,
  readFully,
  sameInode,
  type Stat,
  statFd,
  tryStatAt,
} from "../../../linux/mod.ts";
import { databaseError } from "./database_error.ts";

/**
 * Reads the file of a database as it is, without SQLite.
 *
 * SQLite locks a database by fcntl(2). When a process closes any descriptor of a file, it loses all such locks on that
 * file, also those of other connections and threads. So this reads from a descriptor of SQLite itself, which SQLite
 * closes only when nothing in this process has a lock. Opening a connection locks nothing and makes no file.
 *
 * Without system calls the file is opened and closed. The caller makes sure that this process has no connection to it.
 *
 * @param length number of bytes from the start; the whole file when absent
 * @throws {Deno.errors.NotFound}
 */
export function readDatabaseFile(path: string, length?: number): Uint8Array<ArrayBuffer> {
  if (!isSupported()) return readPlain(path, length);
  const connection = connect(path);
  try {
    return withOpenFile(path, (fd) => {
      const bytes = new Uint8Array(length ?? Deno.lstatSync(path).size);
      return bytes.subarray(0, readFully(fd, bytes, 0));
    }) ?? new Uint8Array();
  } finally {
    connection.close();
  }
}

function connect(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly: true });
  } catch (error) {
    throw databaseError(error, "open the database", path);
  }
}

function readPlain(path: string, length: number | undefined): Uint8Array<ArrayBuffer> {
  if (length === undefined) return Deno.readFileSync(path);
  using file = Deno.openSync(path, { read: true });
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, file.readSync(bytes) ?? 0);
}

/**
 * Calls `fn` with a descriptor that this process has of a file. It belongs to another part of the process: do not close
 * it. `undefined` when the process has none, or the file does not exist.
 */
export function withOpenFile<T>(path: string, fn: (fd: Fd) => T): T | undefined {
  const wanted = tryStatAt(CWD, fromText(path));
  if (wanted === undefined) return undefined;
  using directory = ownFd(openDirectoryAt(CWD, "/proc/self/fd" as ByteString));
  for (const { name } of readDirectory(directory.fd)) {
    const fd = Number(name) as Fd;
    const isIt = () => {
      const stat = statOrNothing(fd);
      return stat !== undefined && sameInode(stat, wanted);
    };
    if (!isIt()) continue;
    try {
      const result = fn(fd);
      // Another thread may have closed it meanwhile, and its number may be that of another file now.
      if (isIt()) return result;
    } catch (error) {
      if (isIt()) throw error;
    }
  }
  return undefined;
}

function statOrNothing(fd: Fd): Stat | undefined {
  try {
    return statFd(fd);
  } catch {
    // It was closed meanwhile, the name is not a number, or it is a file of another part of the process that cannot be
    // described: on a mount whose server ended, say.
    return undefined;
  }
}
