import type { ByteString } from "../../bytes/mod.ts";
import { isErrno, systemError } from "../libc/errno.ts";
import { closeFd, type Fd, openAt, readLinkAt } from "./fd.ts";
import { Open, Resolve } from "../libc/numbers.ts";
import { type Stat, statFd } from "./stat.ts";

const ENOENT = 2, EXDEV = 18, ENOTDIR = 20, ENAMETOOLONG = 36, ELOOP = 40;

/** MAXSYMLINKS of the kernel. */
const MAX_LINKS = 40;

/** More directories on the way at once would exhaust the descriptors. */
const MAX_DEPTH = 128;

const EMPTY = "" as ByteString;

/**
 * openat2(2) in user space: one component at a time by `O_PATH | O_NOFOLLOW`,
 * links read as text, and `..` by going back to the descriptor we came from, so
 * that a directory that is moved meanwhile cannot lead outside.
 *
 * Magic links of /proc are text here, so they never jump.
 */
export function walkOpen(
  directory: Fd,
  path: ByteString,
  flags: number,
  mode: number,
  resolve: number,
): Fd {
  const walk = new Walk(directory, path, resolve);
  try {
    return walk.run(flags, mode);
  } finally {
    walk.close();
  }
}

class Walk {
  readonly #root: Fd;
  readonly #path: ByteString;
  readonly #resolve: number;
  /** Directories from the root to here, without the root; those too far up are closed (−1). */
  readonly #stack: number[] = [];
  /** Device and mount of the root, for NO_XDEV. */
  readonly #home: Stat | undefined;
  #links = 0;

  constructor(root: Fd, path: ByteString, resolve: number) {
    this.#root = root;
    this.#path = path;
    this.#resolve = resolve;
    this.#home = resolve & Resolve.NO_XDEV ? statFd(root) : undefined;
  }

  run(flags: number, mode: number): Fd {
    if (this.#path === "") throw systemError("openat2", EMPTY, ENOENT);
    // The parts still to walk, the next one last.
    const parts = this.#split(this.#path);
    // A slash behind the last name asks for a directory, also for that behind a link.
    let last = asksForDirectory(this.#path) ? flags & ~Open.NO_FOLLOW | Open.DIRECTORY : flags;
    for (;;) {
      const part = parts.pop();
      if (part === undefined) return this.#openHere(last);
      if (part === "..") {
        this.#up();
        continue;
      }
      if (parts.length > 0) {
        this.#step(part, parts);
        continue;
      }
      const opened = this.#openLast(part, last, mode);
      if (typeof opened === "number") return opened;
      if (asksForDirectory(opened)) last |= Open.DIRECTORY;
      this.#follow(opened, parts);
    }
  }

  close(): void {
    for (const fd of this.#stack) if (fd >= 0) closeFd(fd as Fd);
    this.#stack.length = 0;
  }

  get #here(): Fd {
    const fd = this.#stack.length === 0 ? this.#root : this.#stack.at(-1) as Fd;
    // A walk that goes deeper than the stack and then back up: nobody but an attacker does that.
    if (fd < 0) throw this.#error(ENAMETOOLONG);
    return fd;
  }

  #error(number: number): Error {
    return systemError("openat2", this.#path, number);
  }

  #split(text: ByteString): ByteString[] {
    if (text.startsWith("/")) {
      if (!(this.#resolve & Resolve.IN_ROOT)) throw this.#error(EXDEV);
      this.close();
    }
    return text.split("/").filter((part) => part !== "" && part !== ".")
      .reverse() as ByteString[];
  }

  #up(): void {
    const fd = this.#stack.pop();
    if (fd !== undefined) {
      if (fd >= 0) closeFd(fd as Fd);
    } else if (!(this.#resolve & Resolve.IN_ROOT)) {
      throw this.#error(EXDEV);
    }
  }

  /** Goes into a directory, or replaces a link by the parts of its target. */
  #step(part: ByteString, parts: ByteString[]): void {
    const fd = openAt(this.#here, part, Open.PATH | Open.NO_FOLLOW);
    let keep = false;
    try {
      const stat = statFd(fd);
      if (stat.type === "symlink") {
        this.#follow(readLinkAt(fd, EMPTY), parts);
      } else if (stat.type !== "directory") {
        throw this.#error(ENOTDIR);
      } else {
        this.#sameFileSystem(stat);
        this.#stack.push(fd);
        keep = true;
        const far = this.#stack.length - MAX_DEPTH;
        if (far > 0 && (this.#stack[far - 1] as number) >= 0) {
          closeFd(this.#stack[far - 1] as Fd);
          this.#stack[far - 1] = -1;
        }
      }
    } finally {
      if (!keep) closeFd(fd);
    }
  }

  #follow(target: ByteString, parts: ByteString[]): void {
    if (this.#resolve & Resolve.NO_SYMLINKS || ++this.#links > MAX_LINKS) throw this.#error(ELOOP);
    if (target === "") throw this.#error(ENOENT);
    parts.push(...this.#split(target));
  }

  #sameFileSystem(stat: Stat): void {
    const home = this.#home;
    if (home !== undefined && (home.device !== stat.device || home.mount !== stat.mount)) {
      throw this.#error(EXDEV);
    }
  }

  #openHere(flags: number): Fd {
    return openAt(this.#here, "." as ByteString, flags & ~Open.NO_FOLLOW);
  }

  /** Opens the last part, or gives the target when it is a link to be followed. */
  #openLast(part: ByteString, flags: number, mode: number): Fd | ByteString {
    let fd: Fd;
    try {
      fd = openAt(this.#here, part, flags | Open.NO_FOLLOW, mode);
    } catch (error) {
      // A link: O_NOFOLLOW gives ELOOP, with O_DIRECTORY it gives ENOTDIR, O_EXCL gives EEXIST.
      if (!isErrno(error, "ELOOP", "ENOTDIR") || flags & Open.NO_FOLLOW) throw error;
      return this.#targetOf(part, error);
    }
    try {
      const stat = statFd(fd);
      this.#sameFileSystem(stat);
      if (stat.type !== "symlink" || flags & Open.NO_FOLLOW) return fd;
      // O_PATH opens the link itself.
      const target = readLinkAt(fd, EMPTY);
      closeFd(fd);
      return target;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  #targetOf(part: ByteString, error: unknown): ByteString {
    try {
      return readLinkAt(this.#here, part);
    } catch {
      throw error;
    }
  }
}

/** Whether the last component is empty or `.`. */
function asksForDirectory(path: ByteString): boolean {
  return /(?:^|\/)\.?$/.test(path);
}
