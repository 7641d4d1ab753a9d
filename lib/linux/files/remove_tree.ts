import type { ByteString } from "../../bytes/mod.ts";
import { chmodAt } from "./attributes.ts";
import { type DirectoryEntry, readDirectoryPiece } from "./directory.ts";
import { isErrno } from "../libc/errno.ts";
import { closeFd, type Fd, seekFd } from "./fd.ts";
import { renameAt, rmdirAt, unlinkAt } from "./names.ts";
import { Open, Resolve } from "../libc/numbers.ts";
import { openBeneath } from "./open_beneath.ts";

/** Directories open at once; what lies deeper is lifted up to the top first. */
const MAX_OPEN = 24;

/**
 * Removes a name and everything below it, never through a symbolic link nor
 * into another mount. A name that is gone already is no error; whatever else
 * removes in the same place at the same time is no error either.
 *
 * Memory and descriptors are bounded whatever the depth and width: a directory
 * that lies too deep is renamed up into the top one.
 *
 * @param name one name in the directory, not a path
 * @returns how many names were removed
 * @throws {VarveError} `E_SYSCALL`: EXDEV at a mount point inside, which is left alone
 */
export function removeTree(directory: Fd, name: ByteString): number {
  if (name === "" || name === "." || name === ".." || name.includes("/")) {
    throw new RangeError("Cannot remove a tree: it must be one name in a directory");
  }
  try {
    unlinkAt(directory, name);
    return 1;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return 0;
    // Linux answers EISDIR for a directory, POSIX (and some FUSE) EPERM.
    if (!isErrno(error, "EISDIR", "EPERM")) throw error;
  }
  const remover = new Remover();
  remover.removeDirectory(directory, name);
  return remover.count;
}

/** How often a directory that is not empty after being emptied is read again. */
const ROUNDS = 8;

class Remover {
  count = 0;
  /** Directories renamed into the top one, and how many of those are removed. */
  #lifted = 0;
  #settled = 0;
  /** The topmost directory that is being removed. */
  #top: Fd | undefined;

  removeDirectory(parent: Fd, name: ByteString, depth = 0): void {
    const fd = open(parent, name);
    if (fd === undefined) return;
    if (depth === 0) this.#top = fd;
    try {
      for (let round = 1;; round++) {
        this.#empty(fd, depth);
        if (this.#remove(parent, name, true, round < ROUNDS)) return;
        // Some file systems skip names while a directory changes: begin anew.
        seekFd(fd, 0, "start");
      }
    } finally {
      closeFd(fd);
    }
  }

  #empty(fd: Fd, depth: number): void {
    for (let names = readDirectoryPiece(fd); names.length > 0; names = readDirectoryPiece(fd)) {
      for (const entry of names) this.#removeEntry(fd, entry, depth);
    }
    while (depth === 0 && this.#settled < this.#lifted) {
      this.removeDirectory(fd, liftedName(this.#settled++), 1);
    }
  }

  #removeEntry(fd: Fd, entry: DirectoryEntry, depth: number): void {
    if (entry.type !== "directory") this.#remove(fd, entry.name, false, false);
    else if (depth < MAX_OPEN) this.removeDirectory(fd, entry.name, depth + 1);
    // An empty directory needs no lifting.
    else if (!this.#remove(fd, entry.name, true, true)) this.#lift(fd, entry.name);
  }

  /** Moves a deep directory into the top one, to be removed from there. */
  #lift(fd: Fd, name: ByteString): void {
    for (;;) {
      try {
        return renameAt(fd, name, this.#top as Fd, liftedName(this.#lifted++), "exclusive");
      } catch (error) {
        if (isErrno(error, "ENOENT")) return;
        if (!isErrno(error, "EEXIST")) throw error;
      }
    }
  }

  /** Removes one name; false when it is a directory with something in it and that is tolerated. */
  #remove(parent: Fd, name: ByteString, isDirectory: boolean, tolerant: boolean): boolean {
    try {
      if (isDirectory) rmdirAt(parent, name);
      else unlinkAt(parent, name);
      this.count++;
    } catch (error) {
      if (tolerant && isErrno(error, "ENOTEMPTY", "EEXIST")) return false;
      if (!isErrno(error, "ENOENT")) throw error;
    }
    return true;
  }
}

function liftedName(index: number): ByteString {
  return `.varve-lifted-${index}` as ByteString;
}

/** Opens a directory to empty it; `undefined` when it is gone. */
function open(parent: Fd, name: ByteString): Fd | undefined {
  const options = {
    flags: Open.READ | Open.DIRECTORY | Open.NO_FOLLOW,
    resolve: Resolve.NO_XDEV | Resolve.NO_SYMLINKS | Resolve.BENEATH,
  };
  try {
    return openBeneath(parent, name, options);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    if (!isErrno(error, "EACCES")) throw error;
  }
  // Without root a directory of mode 0000 must be opened up first; its owner may.
  chmodAt(parent, name, 0o700);
  return openBeneath(parent, name, options);
}
