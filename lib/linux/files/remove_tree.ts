import type { ByteString } from "../../bytes/mod.ts";
import { isErrno } from "../libc/errno.ts";
import { Open, Resolve } from "../libc/numbers.ts";
import { chmodAt } from "./attributes.ts";
import { type DirectoryEntry, readDirectoryPiece } from "./directory.ts";
import { closeFd, type Fd } from "./fd.ts";
import { renameAt, rmdirAt, unlinkAt } from "./names.ts";
import { openBeneath } from "./open_beneath.ts";
import { seekFd } from "./read_write.ts";

/**
 * Maximum depth of open directories. Deeper directories are moved up into the top directory, which
 * limits how many are open at once.
 */
const MAX_DEPTH = 24;

/**
 * Removes a name and everything below it. It follows no symbolic link and enters no other mount.
 *
 * Idempotent: a missing name is not an error, and another process may remove the same tree at the same
 * time. Memory and descriptors are bounded for any depth and width: a directory that is too deep is
 * first renamed into the top directory.
 *
 * @param name one name in the directory, not a path
 * @param checkpoint called for each name; if it throws, the removal stops with that error
 * @returns the number of names that were removed
 * @throws {VarveError} `E_SYSCALL`: EXDEV at a mount point inside the tree, which stays mounted
 */
export function removeTree(
  directory: Fd,
  name: ByteString,
  checkpoint: () => void = () => {},
): number {
  if (name === "" || name === "." || name === ".." || name.includes("/")) {
    throw new RangeError("Cannot remove a tree: it must be one name in a directory");
  }
  try {
    unlinkAt(directory, name);
    return 1;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return 0;
    // For a directory, Linux fails with EISDIR; POSIX and some FUSE file systems fail with EPERM.
    if (!isErrno(error, "EISDIR", "EPERM")) throw error;
  }
  const remover = new Remover(checkpoint);
  remover.removeDirectory(directory, name);
  return remover.count;
}

/** Maximum number of passes over a directory that is not empty after all its entries were removed. */
const MAX_PASSES = 8;

class Remover {
  /** Number of names removed so far. */
  count = 0;
  readonly #checkpoint: () => void;
  /** Number of directories that were moved into the top directory. */
  #lifted = 0;
  /** Number of moved directories that were removed. */
  #liftedRemoved = 0;
  /** The topmost directory that is being removed. */
  #top: Fd | undefined;

  constructor(checkpoint: () => void) {
    this.#checkpoint = checkpoint;
  }

  removeDirectory(parent: Fd, name: ByteString, depth = 0): void {
    const fd = open(parent, name);
    if (fd === undefined) return;
    if (depth === 0) this.#top = fd;
    try {
      for (let pass = 1;; pass++) {
        this.#empty(fd, depth);
        if (this.#remove(parent, name, true, pass < MAX_PASSES)) return;
        // Some file systems skip names in a directory that changes, so read it again.
        seekFd(fd, 0, "start");
      }
    } finally {
      closeFd(fd);
    }
  }

  #empty(fd: Fd, depth: number): void {
    for (let names = readPiece(fd); names.length > 0; names = readPiece(fd)) {
      for (const entry of names) this.#removeEntry(fd, entry, depth);
    }
    while (depth === 0 && this.#liftedRemoved < this.#lifted) {
      this.removeDirectory(fd, liftedName(this.#liftedRemoved++), 1);
    }
  }

  #removeEntry(fd: Fd, entry: DirectoryEntry, depth: number): void {
    this.#checkpoint();
    if (entry.type !== "directory") this.#remove(fd, entry.name, false, false);
    else if (depth < MAX_DEPTH) this.removeDirectory(fd, entry.name, depth + 1);
    // Only a deep directory that is not empty must be moved.
    else if (!this.#remove(fd, entry.name, true, true)) this.#lift(fd, entry.name);
  }

  /** Moves a deep directory into the top directory, where it is removed later. */
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

  /**
   * Removes one name. A missing name is not an error.
   *
   * @param tolerant whether to return false, not throw, for a directory that is not empty
   */
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

/** Reads some entries; none when another process has removed the directory (getdents(2)). */
function readPiece(fd: Fd): DirectoryEntry[] {
  try {
    return readDirectoryPiece(fd);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

function liftedName(index: number): ByteString {
  return `.varve-lifted-${index}` as ByteString;
}

/** Opens a directory to remove its entries; `undefined` when it does not exist. */
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
  // The owner, if not root, must first permit access to a directory of mode 0000.
  chmodAt(parent, name, 0o700);
  return openBeneath(parent, name, options);
}
