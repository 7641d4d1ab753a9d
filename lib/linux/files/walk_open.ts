import type { ByteString } from "../../bytes/mod.ts";
import { Errno, isErrno, systemError } from "../libc/errno.ts";
import { Open, Resolve } from "../libc/numbers.ts";
import { closeFd, type Fd, openAt } from "./fd.ts";
import { readLinkAt } from "./names.ts";
import { type Stat, statFd } from "./stat.ts";

/** `MAXSYMLINKS` of Linux. */
const MAX_LINKS = 40;

/**
 * Maximum number of directories that are open at once, so that
 * a deep path cannot use up the descriptors.
 */
const MAX_DEPTH = 128;

const EMPTY = "" as ByteString;

/**
 * openat2(2) in user space.
 *
 * It opens one component at a time with `O_PATH | O_NOFOLLOW`, and reads links as text. For `..` it
 * goes back to the descriptor of the parent that it came from, so a directory that is moved
 * meanwhile cannot lead outside. Magic links of /proc are read as text too, so they cannot lead
 * outside either.
 *
 * @param resolve bits of {@linkcode Resolve}
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
  /**
   * Descriptors of the directories on the way from the root (not included) to the current directory.
   * Directories far up are closed; their entry is −1.
   */
  readonly #stack: number[] = [];
  /** The root directory, if `NO_XDEV` forbids leaving its file system. */
  readonly #home: Stat | undefined;
  #links = 0;

  constructor(root: Fd, path: ByteString, resolve: number) {
    this.#root = root;
    this.#path = path;
    this.#resolve = resolve;
    this.#home = resolve & Resolve.NO_XDEV ? statFd(root) : undefined;
  }

  run(flags: number, mode: number): Fd {
    if (this.#path === "") throw systemError("openat2", EMPTY, Errno.ENOENT);
    // The remaining parts of the path, in reverse order.
    const parts = this.#split(this.#path);
    // After a slash at the end, the last component must be a directory, or a link to a directory, which
    // is followed.
    let last = demandsDirectory(this.#path) ? flags & ~Open.NO_FOLLOW | Open.DIRECTORY : flags;
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
      if (demandsDirectory(opened)) last |= Open.DIRECTORY;
      this.#follow(opened, parts);
    }
  }

  close(): void {
    for (const fd of this.#stack) if (fd >= 0) closeFd(fd as Fd);
    this.#stack.length = 0;
  }

  get #here(): Fd {
    const fd = this.#stack.length === 0 ? this.#root : this.#stack.at(-1) as Fd;
    // The path goes deeper than MAX_DEPTH and then far back up. Only an attack does that.
    if (fd < 0) throw this.#error(Errno.ENAMETOOLONG);
    return fd;
  }

  #error(number: number): Error {
    return systemError("openat2", this.#path, number);
  }

  #split(text: ByteString): ByteString[] {
    if (text.startsWith("/")) {
      if (!(this.#resolve & Resolve.IN_ROOT)) throw this.#error(Errno.EXDEV);
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
      throw this.#error(Errno.EXDEV);
    }
  }

  /** Enters a directory, or replaces a link with the parts of its target. */
  #step(part: ByteString, parts: ByteString[]): void {
    const fd = openAt(this.#here, part, Open.PATH | Open.NO_FOLLOW);
    let keep = false;
    try {
      const stat = statFd(fd);
      if (stat.type === "symlink") {
        this.#follow(readLinkAt(fd, EMPTY), parts);
      } else if (stat.type !== "directory") {
        throw this.#error(Errno.ENOTDIR);
      } else {
        this.#requireSameMount(stat);
        this.#stack.push(fd);
        keep = true;
        this.#closeFarUp();
      }
    } finally {
      if (!keep) closeFd(fd);
    }
  }

  #closeFarUp(): void {
    const at = this.#stack.length - MAX_DEPTH - 1;
    if (at < 0 || (this.#stack[at] as number) < 0) return;
    closeFd(this.#stack[at] as Fd);
    this.#stack[at] = -1;
  }

  #follow(target: ByteString, parts: ByteString[]): void {
    if (this.#resolve & Resolve.NO_SYMLINKS || ++this.#links > MAX_LINKS) {
      throw this.#error(Errno.ELOOP);
    }
    if (target === "") throw this.#error(Errno.ENOENT);
    parts.push(...this.#split(target));
  }

  #requireSameMount(stat: Stat): void {
    const home = this.#home;
    if (home !== undefined && (home.device !== stat.device || home.mount !== stat.mount)) {
      throw this.#error(Errno.EXDEV);
    }
  }

  #openHere(flags: number): Fd {
    return openAt(this.#here, "." as ByteString, flags & ~Open.NO_FOLLOW);
  }

  /** Opens the last part. If it is a link to follow, returns the target instead. */
  #openLast(part: ByteString, flags: number, mode: number): Fd | ByteString {
    let fd: Fd;
    try {
      fd = openAt(this.#here, part, flags | Open.NO_FOLLOW, mode);
    } catch (error) {
      // An open with O_NOFOLLOW fails at a link: with ELOOP, or with ENOTDIR if O_DIRECTORY is set
      // too. (With O_EXCL, the open fails with EEXIST.)
      if (!isErrno(error, "ELOOP", "ENOTDIR") || flags & Open.NO_FOLLOW) throw error;
      return this.#targetOf(part, error);
    }
    try {
      const stat = statFd(fd);
      this.#requireSameMount(stat);
      if (stat.type !== "symlink" || flags & Open.NO_FOLLOW) return fd;
      // With O_PATH, the call has opened the link itself.
      const target = readLinkAt(fd, EMPTY);
      closeFd(fd);
      return target;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** Reads a link. If that fails, the name is not a link, so the error of the open is thrown. */
  #targetOf(part: ByteString, error: unknown): ByteString {
    try {
      return readLinkAt(this.#here, part);
    } catch {
      throw error;
    }
  }
}

/** Whether the last component is empty or `.`, so that the path can only name a directory. */
function demandsDirectory(path: ByteString): boolean {
  return /(?:^|\/)\.?$/.test(path);
}
