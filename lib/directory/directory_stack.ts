import type { ByteString } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { closeFd, type Fd, Open, openAt, openDirectoryAt, ownFd, statFd } from "../linux/mod.ts";

/** Descriptors kept open; directories further up are closed and found again through `..`. */
const KEPT = 32;

interface Level {
  fd: Fd | null;
  readonly device: string;
  readonly inode: bigint;
}

/** The way from a directory down to another, with few descriptors however deep it is. */
export class DirectoryStack implements Disposable {
  readonly #root: Fd;
  readonly #levels: Level[] = [];

  /** Begins at a directory, which stays the caller's. */
  constructor(root: Fd) {
    this.#root = root;
  }

  /** The deepest directory, until the next call. */
  get fd(): Fd {
    return this.#levels.at(-1)?.fd ?? this.#root;
  }

  /** Goes into a directory of the deepest one, never through a link. @throws {VarveError} `E_SYSCALL` */
  enter(name: ByteString): void {
    using next = ownFd(openDirectoryAt(this.fd, name));
    const { device, inode } = statFd(next.fd);
    this.#levels.push({ fd: next.release(), device, inode });
    const far = this.#levels.at(-1 - KEPT);
    if (far === undefined || far.fd === null) return;
    closeFd(far.fd);
    far.fd = null;
  }

  /** Goes back up. @throws {VarveError} `E_BUSY` when the directory was moved elsewhere meanwhile */
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
  throw new VarveError("E_BUSY", "Cannot read a directory: one in it was moved meanwhile");
}
