import { fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  chmodFd,
  copyRange,
  CWD,
  fileErrno,
  isSupported,
  Open,
  openAt,
  ownFd,
  sleep,
  statFd,
} from "../../linux/mod.ts";

/** Errors of link(2) after which a copy is made: another file system, or one without hard links. */
const CANNOT_LINK: ReadonlySet<string | undefined> = new Set([
  "EXDEV",
  "EPERM",
  "EMLINK",
  "EOPNOTSUPP",
]);

/** Number of bytes that are copied at once. Between two pieces a signal is heard. */
const PIECE = 16 * 1024 * 1024;

/** Copies immutable files of a store into a backup. A file with several names is there once in the backup, too. */
export class FileCopier {
  /** Files that the backup shares with the store by a hard link. */
  linked = 0;
  /** Files that were copied, by the kernel: where the file system can, it shares their blocks. */
  copied = 0;
  /** Bytes of all files. */
  bytes = 0;
  readonly #link: boolean;
  readonly #signal: AbortSignal | undefined;
  /** Paths in the backup by inode of the store. */
  readonly #inodes = new Map<string, string>();

  /** `link`: whether to make hard links where that is possible. */
  constructor(link: boolean, signal: AbortSignal | undefined) {
    this.#link = link;
    this.#signal = signal;
  }

  /** Copies a file. @returns false when there is none */
  async file(from: string, to: string): Promise<boolean> {
    this.#signal?.throwIfAborted();
    try {
      const { dev, ino, nlink, size } = await Deno.lstat(from);
      const key = `${dev} ${ino}`;
      const known = (nlink ?? 1) > 1 ? this.#inodes.get(key) : undefined;
      if (known !== undefined) {
        await Deno.link(known, to);
        return true;
      }
      if (this.#link && await linked(from, to)) this.linked++;
      else {
        await (size > PIECE && isSupported()
          ? copyInPieces(from, to, this.#signal)
          : Deno.copyFile(from, to));
        this.copied++;
      }
      this.#inodes.set(key, to);
      this.bytes += size;
      return true;
    } catch (error) {
      if (fileErrno(error) === "ENOENT") return false;
      throw error;
    }
  }

  /** Copies a file that must be there. @throws {VarveError} `E_DAMAGE` */
  async needed(from: string, to: string): Promise<void> {
    if (await this.file(from, to)) return;
    throw new VarveError("E_DAMAGE", `Cannot copy ${from}: it is missing`, {
      subject: from,
      hint: "check the store, and repair it",
    });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await Deno.link(from, to);
    return true;
  } catch (error) {
    if (CANNOT_LINK.has(fileErrno(error))) return false;
    throw error;
  }
}

/** Copies a file to a new one of the same mode. */
async function copyInPieces(
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  using source = ownFd(openAt(CWD, fromText(from), Open.READ | Open.NO_FOLLOW));
  const { size, mode } = statFd(source.fd);
  const flags = Open.WRITE | Open.CREATE | Open.EXCLUSIVE | Open.NO_FOLLOW;
  using target = ownFd(openAt(CWD, fromText(to), flags, 0o600));
  // Whatever the umask.
  chmodFd(target.fd, mode);
  for (let at = 0; at < size;) {
    const count = copyRange(source.fd, at, target.fd, at, Math.min(PIECE, size - at));
    if (count === 0) return;
    at += count;
    await sleep(0, signal);
  }
}
