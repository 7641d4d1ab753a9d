import type { ByteString } from "../../bytes/mod.ts";
import { cString } from "../libc/c_string.ts";
import { attempt, check } from "../libc/call.ts";
import { Errno, systemError } from "../libc/errno.ts";
import { libc } from "../libc/libc.ts";
import { Open } from "../libc/numbers.ts";

/** A file descriptor of this process. Its owner closes it once. */
export type Fd = number & { readonly "~fd": never };

/** Stands for the working directory (`AT_FDCWD`), in place of a directory's descriptor. */
export const CWD: Fd = -100 as Fd;

/** Mode of {@linkcode OwnedFd.lock}. */
export type LockKind = "shared" | "exclusive";

/** Operations of flock(2): `LOCK_SH`, `LOCK_EX`, `LOCK_UN`, `LOCK_NB`. */
const LOCK = { shared: 1, exclusive: 2, unlock: 8, noWait: 4 } as const;

/** A descriptor that is closed when it is disposed: `using file = ownFd(openAt(…))`. */
export class OwnedFd implements Disposable {
  #fd: number;
  #isLocked = false;

  /** Takes ownership of a descriptor. */
  constructor(fd: Fd) {
    this.#fd = fd;
  }

  /** The descriptor. @throws {TypeError} when it is closed or released */
  get fd(): Fd {
    if (this.#fd < 0) throw new TypeError("Cannot use a file descriptor: it is closed");
    return this.#fd as Fd;
  }

  /**
   * Locks the open file without waiting (flock(2)). If this descriptor holds a lock already, the
   * lock changes its mode; on failure the old lock may be lost. The lock ends with the descriptor,
   * even after `kill -9`.
   *
   * @returns false when another descriptor holds a conflicting lock
   * @throws {VarveError} `E_SYSCALL`
   */
  lock(kind: LockKind): boolean {
    const number = this.#flock(LOCK[kind] | LOCK.noWait);
    if (number !== 0 && number !== Errno.EAGAIN) throw systemError("flock", "", number);
    return this.#isLocked = number === 0;
  }

  /** Gives up ownership and returns the descriptor, which stays open. */
  release(): Fd {
    const fd = this.fd;
    this.#fd = -1;
    return fd;
  }

  /** Closes the descriptor. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    const fd = this.#fd as Fd;
    // Between fork and exec, a child that another thread starts has a copy of the descriptor. Closing
    // ours would leave the lock to that copy.
    if (this.#isLocked) this.#flock(LOCK.unlock);
    this.#fd = -1;
    closeFd(fd);
  }

  #flock(operation: number): number {
    return -attempt(() => libc().flock(this.fd, operation));
  }
}

/** Wraps a descriptor, so that `using` closes it. */
export function ownFd(fd: Fd): OwnedFd {
  return new OwnedFd(fd);
}

/**
 * Opens `name` relative to a directory (openat(2)), always with close-on-exec.
 *
 * @param flags bits of {@linkcode Open}
 * @param mode mode of a file that is created
 * @throws {VarveError} `E_SYSCALL`
 */
export function openAt(directory: Fd, name: ByteString, flags: number, mode = 0): Fd {
  const c = libc();
  const path = cString(name);
  const call = () => c.openat(directory, path, flags | Open.CLOSE_ON_EXEC, mode);
  return check(call, "openat", name) as Fd;
}

/** Opens a directory for reading. Does not follow a link in the last component. */
export function openDirectoryAt(directory: Fd, name: ByteString): Fd {
  return openAt(directory, name, Open.READ | Open.DIRECTORY | Open.NO_FOLLOW);
}

/**
 * Closes a descriptor. Errors of delayed writes are ignored, so sync first to be sure of the data.
 * The close is never retried, because Linux frees the number even on EINTR.
 */
export function closeFd(fd: Fd): void {
  libc().close(fd);
}

/**
 * The path of a name in an open directory, for calls that accept only paths. With an empty name it
 * is the path of the directory itself.
 */
export function procPath(fd: Fd, name: ByteString | "" = ""): ByteString {
  if (name.startsWith("/") || fd === CWD) return name as ByteString;
  return `/proc/self/fd/${fd}${name === "" ? "" : "/" + name}` as ByteString;
}
