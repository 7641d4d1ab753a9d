import { fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  effectiveUser,
  fileErrno,
  fileSystemOf,
  isNoSpace,
  isSupported,
  Open,
  openAt,
  openDirectoryAt,
  ownFd,
  reserveFd,
  syncFileSystem,
  writeFd,
  writeInPlaceIn,
} from "../../linux/mod.ts";
import type { Paths } from "./paths.ts";
import { lstatOrNothingSync } from "./system.ts";

/**
 * Size of the reserve in bytes. Removing one image needs 96 KiB on ext4 and tmpfs, and 128 KiB on btrfs. A removal of
 * many things makes a larger WAL.
 */
export const RESERVE_BYTES: number = 1024 * 1024;
/** The least reserve, and what a smaller reserve is short of the full size by: a multiple of this. */
const LEAST_RESERVE = 320 * 1024, STEP = 64 * 1024;
/** Number of empty files in the reserve: what frees needs inodes, too. */
const RESERVE_INODES = 8;
/** The file in the reserve that has its size. */
const SPACE = "space";
/** Number of times the reserve that must be free before it is made. */
const ROOM_FOR_RESERVE = 4;
/**
 * Least free space, in bytes, with which the database is opened for writing. SQLite maps a file of 32 KiB
 * into memory, and the kernel ends a process that touches a page for which the disk has no block. xfs
 * cannot use its last 100 KiB.
 */
const LEAST_BYTES = 256 * 1024;
/** Least number of free inodes with which the database is opened for writing. */
const LEAST_INODES = 4;
/** Length of the write that tries whether the disk takes more. */
const PROBE_BYTES = 4096;
/** Length of one write where the file system cannot reserve space. */
const PIECE = 65_536;

/**
 * The space of a store: what is free on its file system, and the reserve.
 *
 * The reserve is a directory with a file of {@linkcode RESERVE_BYTES} and some empty files. On a full disk it is given
 * up, so that there is room to remove things: a removal writes to the database before it frees anything. It is made
 * again when there is room. A store without a reserve works as well, as long as the disk is not full.
 */
export class Room {
  readonly #paths: Paths;
  #isGivenUp = false;

  /** Looks at nothing yet. */
  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** Whether the reserve was given up and not made again. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Whether too little is free to write to the database. Without system calls it cannot be known: then false. */
  isShort(): boolean {
    const { root } = this.#paths;
    let free = freeIn(root);
    if (free === undefined || isEnough(free)) return false;
    // btrfs frees the space of removed files only with its next commit.
    if (free.type === "btrfs") {
      syncQuietly(root);
      free = freeIn(root) ?? free;
    }
    return !isEnough(free);
  }

  /**
   * Lets the database write in place on btrfs. Otherwise each page that it changes takes a new block, also in the file
   * that SQLite maps into memory: on a full disk the kernel ends the process there.
   */
  prepare(): void {
    if (!isSupported()) return;
    using directory = ownFd(openDirectoryAt(CWD, fromText(this.#paths.root)));
    if (fileSystemOf(directory.fd).type !== "btrfs") return;
    try {
      writeInPlaceIn(directory.fd);
    } catch {
      // The directory may be set to be compressed. A store works without this, too.
    }
  }

  /**
   * Makes the reserve, if it is missing and the disk has room. A reserve that was given up is made again of what is
   * left, so it may be smaller for a time. Never fails.
   */
  keep(): void {
    const { reserve, root } = this.#paths;
    const path = `${reserve}/${SPACE}`;
    try {
      if (lstatOrNothingSync(path)?.size === RESERVE_BYTES) return;
      // Otherwise btrfs does not count what was removed.
      if (this.#isGivenUp) syncQuietly(root);
      const free = freeIn(root);
      if (free === undefined || free.inodes < ROOM_FOR_RESERVE * RESERVE_INODES) return;
      const most = this.#isGivenUp ? free.bytes : free.bytes / ROOM_FOR_RESERVE;
      const size = Math.min(RESERVE_BYTES, Math.floor(most / STEP) * STEP);
      const least = this.#isGivenUp ? LEAST_RESERVE : RESERVE_BYTES;
      if (size < least) return;
      makePrivate(reserve);
      for (let i = 0; i < RESERVE_INODES; i++) makeEmpty(`${reserve}/${i}`);
      if (makeLargest(path, size, least)) this.#isGivenUp = false;
    } catch {
      removeQuietly(path);
    }
  }

  /** Gives up the reserve. @returns whether there was one */
  giveUp(): boolean {
    const { reserve } = this.#paths;
    let given = false;
    for (const name of [SPACE, ...Array(RESERVE_INODES).keys()]) {
      given = removeQuietly(`${reserve}/${name}`) || given;
    }
    if (!given) return false;
    this.#isGivenUp = true;
    return true;
  }

  /** The error of an action for which the disk has no room. */
  error(action: string, cause?: unknown): VarveError {
    const errno = cause === undefined ? "ENOSPC" : fileErrno(cause) ?? "ENOSPC";
    return new VarveError("E_SYSCALL", `Cannot ${action}: no space left on the disk`, {
      errno,
      hint: "free some space: removing images and snapshots, and unmounting, work without any",
    }, { cause });
  }
}

/**
 * Makes a file of `size` bytes, or a smaller one of at least `least` bytes where the disk has no room for that: the file
 * system needs blocks of its own for it.
 *
 * @returns whether it was made
 */
function makeLargest(path: string, size: number, least: number): boolean {
  for (let room = size; room >= least; room -= STEP) {
    try {
      makeEmpty(path);
      allocate(path, room);
      return true;
    } catch (error) {
      removeQuietly(path);
      if (!isNoSpace(error)) throw error;
    }
  }
  return false;
}

/**
 * Why the disk takes no more bytes: `"ENOSPC"` or `"EDQUOT"`. `undefined` when it takes some, and where that cannot be
 * tried.
 */
export function refusalOf(directory: string): string | undefined {
  if (!isSupported()) return undefined;
  try {
    using file = ownFd(openAt(CWD, fromText(directory), Open.WRITE | Open.TEMPORARY, 0o600));
    writeFd(file.fd, new Uint8Array(PROBE_BYTES), 0);
    return undefined;
  } catch (error) {
    return isNoSpace(error) ? fileErrno(error) : undefined;
  }
}

/** What is free on a file system, for this user. */
interface Free {
  readonly type: string;
  readonly bytes: number;
  readonly inodes: number;
}

function isEnough({ bytes, inodes }: Free): boolean {
  return bytes >= LEAST_BYTES && inodes >= LEAST_INODES;
}

/** What is free at a path; `undefined` without system calls. */
function freeIn(root: string): Free | undefined {
  if (!isSupported()) return undefined;
  using directory = ownFd(openDirectoryAt(CWD, fromText(root)));
  const { type, available, free, inodes, freeInodes } = fileSystemOf(directory.fd);
  // ext4 keeps a part for root. Elsewhere `free` also counts what nobody can use.
  const bytes = type === "ext4" && effectiveUser() === 0 ? free : available;
  return { type, bytes, inodes: inodes === 0 ? Infinity : freeInodes };
}

function makePrivate(directory: string): void {
  try {
    Deno.mkdirSync(directory, { mode: 0o700 });
    // Whatever the umask.
    Deno.chmodSync(directory, 0o700);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

function makeEmpty(path: string): void {
  Deno.openSync(path, { write: true, create: true, mode: 0o600 }).close();
  Deno.chmodSync(path, 0o600);
}

/** Makes a file whose blocks are all allocated, not a hole. */
function allocate(path: string, size: number): void {
  using file = ownFd(openAt(CWD, fromText(path), Open.WRITE));
  if (reserveFd(file.fd, 0, size)) return;
  // Random bytes, because a file system may compress others.
  using plain = Deno.openSync(path, { write: true });
  for (let at = 0; at < size; at += PIECE) {
    const piece = crypto.getRandomValues(new Uint8Array(PIECE));
    for (let done = 0; done < PIECE;) done += plain.writeSync(piece.subarray(done));
  }
}

function removeQuietly(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch {
    return false;
  }
}

function syncQuietly(root: string): void {
  try {
    using directory = ownFd(openDirectoryAt(CWD, fromText(root)));
    syncFileSystem(directory.fd);
  } catch {
    // The space may be there all the same.
  }
}
