import { fromText, toValidText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import {
  CWD,
  isErrno,
  Open,
  openAt,
  type OwnedFd,
  ownFd,
  procPath,
  readLinkAt,
} from "../linux/mod.ts";

/** An open directory to mount at. */
export interface MountTarget extends Disposable {
  /** Its path, absolute and without symbolic links. */
  readonly path: string;
  /**
   * Keeps other processes from mounting at the directory until this object is disposed.
   *
   * @throws {VarveError} `E_BUSY` another process is mounting at the directory
   */
  lock(): void;
  /** As {@linkcode lock}, but returns false when another process holds the lock. */
  tryLock(): boolean;
}

/**
 * Opens a directory to mount at. If something is mounted there already, this opens the root of that mount.
 *
 * @throws {VarveError} `E_NOT_FOUND` it does not exist · `E_USAGE` it is not a directory, or its name is not printable
 * text
 */
export function openMountTarget(path: string): MountTarget {
  const directory = open(path);
  const real = toValidText(readLinkAt(CWD, procPath(directory.fd)));
  // deno-lint-ignore no-control-regex
  if (real === undefined || /[\u0000-\u001f\u007f]/.test(real)) {
    directory[Symbol.dispose]();
    throw new VarveError(
      "E_USAGE",
      `Cannot mount at ${JSON.stringify(path)}: its name is not printable text`,
    );
  }
  const tryLock = () => directory.lock("exclusive");
  return {
    path: real,
    tryLock,
    lock(): void {
      if (tryLock()) return;
      throw new VarveError("E_BUSY", `Cannot mount at ${real}: another process is mounting there`, {
        subject: real,
      });
    },
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

function open(path: string): OwnedFd {
  try {
    return ownFd(openAt(CWD, fromText(path), Open.READ | Open.DIRECTORY));
  } catch (error) {
    const subject = path;
    if (isErrno(error, "ENOENT")) {
      throw new VarveError("E_NOT_FOUND", `Cannot use ${path}: there is no such directory`, {
        subject,
      });
    }
    if (isErrno(error, "ENOTDIR")) {
      throw new VarveError("E_USAGE", `Cannot use ${path}: it is not a directory`, { subject });
    }
    throw error;
  }
}
