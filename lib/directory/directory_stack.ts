import type { ByteString } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { closeFd, type Fd, Open, openAt, openDirectoryAt, ownFd, statFd } from "../linux/mod.ts";

/**
 * Maximum number of descriptors that are kept open. Directories further up are closed, and later
 * opened again through `..`.
 */
const KEPT = 32;

interface Level {
  fd: Fd | null;
  readonly device: string;
  readonly inode: bigint;
}

/**
 * The directories from a root down to the current directory, with few open descriptors at any
 * depth.
 */
export class DirectoryStack implements Disposable {
  readonly #root: Fd;
  readonly #levels: Level[] = [];

  /** Begins at a directory. The caller keeps ownership of the descriptor. */
  constructor(root: Fd) {
    this.#root = root;
  }

  /** Descriptor of the current directory, valid until the next call. */
  get fd(): Fd {
    return this.#levels.at(-1)?.fd ?? this.#root;
  }

  /**
   * Enters a directory that is in the current directory, never through a symbolic link.
   *
   * @throws {VarveError} `E_SYSCALL`
   */
  enter(name: ByteString): void {
    using next = ownFd(openDirectoryAt(this.fd, name));
    const { device, inode } = statFd(next.fd);
    this.#levels.push({ fd: next.release(), device, inode });
    const far = this.#levels.at(-1 - KEPT);
    if (far === undefined || far.fd === null) return;
    closeFd(far.fd);
    far.fd = null;
  }

  /** Goes back to the parent. @throws {VarveError} `E_BUSY` when the directory was moved to another parent meanwhile */
  leave(): void {
    const level = this.#levels.pop();
    if (level === undefined) throw new RangeError("Cannot go up: this is the top");
    const left = level.fd as Fd;
    try {
      const parent = this.#levels.at(-1);
      if (parent?.fd === null) parent.fd = openParent(left, parent);
    } finally {
      closeFd(left);
    }
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#levels) if (fd !== null) closeFd(fd);
    this.#levels.length = 0;
  }
}

function openParent(child: Fd, expected: Level): Fd {
  using parent = ownFd(openAt(child, ".." as ByteString, Open.READ | Open.DIRECTORY));
  const { device, inode } = statFd(parent.fd);
  if (device === expected.device && inode === expected.inode) return parent.release();
  throw new VarveError("E_BUSY", "Cannot read a directory: a directory in it was moved meanwhile");
}
