import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { cString } from "../libc/c_string.ts";
import { attempt, check, systemError } from "../libc/errno.ts";
import { At, Open } from "../libc/numbers.ts";
import { libc, MAX_TRANSFER } from "../libc/libc.ts";

/** A file descriptor of this process. Whoever opened it closes it, once. */
export type Fd = number & { readonly "~fd": never };

/** Names are relative to the working directory. Absolute paths ignore it. */
export const CWD: Fd = -100 as Fd;

/** How {@linkcode OwnedFd.lock} locks. */
export type LockKind = "shared" | "exclusive";

const EAGAIN = 11;
const LOCK = { shared: 1, exclusive: 2, unlock: 8, now: 4 } as const;

/** A descriptor that closes itself: `using file = ownFd(openAt(…))`. */
export class OwnedFd implements Disposable {
  #fd: number;
  #isLocked = false;

  /** Takes the ownership of a descriptor. */
  constructor(fd: Fd) {
    this.#fd = fd;
  }

  /** The descriptor. @throws {TypeError} when it is closed */
  get fd(): Fd {
    if (this.#fd < 0) throw new TypeError("Cannot use a file descriptor: it is closed");
    return this.#fd as Fd;
  }

  /**
   * Locks the open file without waiting (flock(2)), or changes the lock that it has, which may lose
   * it. The lock ends with the descriptor, also by `kill -9`.
   *
   * @returns false when another descriptor holds it
   * @throws {VarveError} `E_SYSCALL`
   */
  lock(kind: LockKind): boolean {
    const number = this.#flock(LOCK[kind] | LOCK.now);
    if (number !== 0 && number !== EAGAIN) throw systemError("flock", "", number);
    return this.#isLocked = number === 0;
  }

  /** Gives the ownership away: the descriptor stays open. */
  release(): Fd {
    const fd = this.fd;
    this.#fd = -1;
    return fd;
  }

  /** Closes the descriptor; a second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    const fd = this.#fd as Fd;
    // A child that another thread is just starting has the descriptor too, until it executes its program.
    if (this.#isLocked) this.#flock(LOCK.unlock);
    this.#fd = -1;
    closeFd(fd);
  }

  #flock(operation: number): number {
    return -attempt(() => libc().flock(this.fd, operation));
  }
}

/** Takes the ownership of a descriptor. */
export function ownFd(fd: Fd): OwnedFd {
  return new OwnedFd(fd);
}

/**
 * Opens `name` relative to a directory (openat(2)). Always close-on-exec.
 *
 * @throws {VarveError} `E_SYSCALL`
 */
export function openAt(directory: Fd, name: ByteString, flags: number, mode = 0): Fd {
  const c = libc();
  const path = cString(name);
  const call = () => c.openat(directory, path, flags | Open.CLOSE_ON_EXEC, mode);
  return check(call, "openat", name) as Fd;
}

/** Opens a directory for reading, not following a link in the last component. */
export function openDirectoryAt(directory: Fd, name: ByteString): Fd {
  return openAt(directory, name, Open.READ | Open.DIRECTORY | Open.NO_FOLLOW);
}

/**
 * Closes a descriptor. Errors of late writes are not looked at: whoever needs
 * the data on disk syncs first. Never retried, since Linux frees the number even on EINTR.
 */
export function closeFd(fd: Fd): void {
  libc().close(fd);
}

/**
 * Reads at most `target.length` bytes (at an offset in bytes, or from the descriptor's position).
 *
 * @returns bytes read; 0 at the end
 */
export function readFd(fd: Fd, target: Uint8Array, offset?: number): number {
  const c = libc();
  const length = Math.min(target.length, MAX_TRANSFER);
  const view = target as Uint8Array<ArrayBuffer>;
  return check(
    () => offset === undefined ? c.read(fd, view, length) : c.pread(fd, view, length, offset),
    offset === undefined ? "read" : "pread",
    "",
  );
}

/** Reads until `target` is full or the file ends; returns the bytes read. */
export function readFully(fd: Fd, target: Uint8Array, offset: number): number {
  let done = 0;
  while (done < target.length) {
    const count = readFd(fd, target.subarray(done), offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Writes all bytes (at an offset in bytes, or at the descriptor's position). */
export function writeFd(fd: Fd, source: Uint8Array, offset?: number): void {
  const c = libc();
  for (let done = 0; done < source.length;) {
    const rest = source.subarray(done) as Uint8Array<ArrayBuffer>;
    const length = Math.min(rest.length, MAX_TRANSFER);
    done += check(
      () =>
        offset === undefined
          ? c.write(fd, rest, length)
          : c.pwrite(fd, rest, length, offset + done),
      offset === undefined ? "write" : "pwrite",
      "",
    );
  }
}

/** Where to begin in {@linkcode seekFd}. */
export type Whence = "start" | "current" | "end" | "data" | "hole";

const WHENCE: Readonly<Record<Whence, number>> = { start: 0, current: 1, end: 2, data: 3, hole: 4 };

/**
 * Moves the position, or finds the next data or hole at or behind `offset` (lseek(2)).
 *
 * @returns the position in bytes; −1 when there is no more data (ENXIO)
 */
export function seekFd(fd: Fd, offset: number, whence: Whence): number {
  const result = attempt(() => Number(libc().lseek(fd, offset, WHENCE[whence])));
  if (result >= 0) return result;
  const number = -result;
  if (number === 6 && (whence === "data" || whence === "hole")) return -1;
  throw systemError("lseek", "", number);
}

/** No file that is read as a whole is larger. */
const READ_MAX = 16 * 1024 * 1024;

/** Reads a small file to its end, as a byte string; for /proc and markers. */
export function readFileAt(directory: Fd, name: ByteString, limit: number = READ_MAX): ByteString {
  using file = ownFd(openAt(directory, name, Open.READ | Open.NO_FOLLOW | Open.NONBLOCK));
  let out = "";
  const piece = new Uint8Array(64 * 1024);
  for (;;) {
    const count = readFd(file.fd, piece);
    if (count === 0) return out as ByteString;
    out += fromBytes(piece, 0, count);
    if (out.length > limit) throw systemError("read", name, 27);
  }
}

/** The path of a name in an open directory (or of the descriptor itself), for calls that only take paths. */
export function procPath(fd: Fd, name: ByteString | "" = ""): ByteString {
  if (name.startsWith("/") || fd === CWD) return name as ByteString;
  return `/proc/self/fd/${fd}${name === "" ? "" : "/" + name}` as ByteString;
}

/** Reads a symbolic link's target (readlinkat(2)); an empty name reads the link a descriptor names. */
export function readLinkAt(directory: Fd, name: ByteString): ByteString {
  for (let room = 4096;; room *= 2) {
    const target = new Uint8Array(room);
    const length = check(
      () => libc().readlinkat(directory, cString(name), target, room),
      "readlinkat",
      name,
    );
    if (length < room) return fromBytes(target, 0, length);
  }
}

/** Whether `name` exists in a directory, not following a link. */
export function existsAt(directory: Fd, name: ByteString): boolean {
  const c = libc();
  const number = -attempt(() =>
    c.statx(directory, cString(name), At.SYMLINK_NO_FOLLOW, 0, new Uint8Array(256))
  );
  if (number === 0) return true;
  if (number === 2 || number === 20) return false;
  throw systemError("statx", name, number);
}
