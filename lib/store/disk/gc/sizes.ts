import { type ByteString, fromText } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  CWD,
  type Fd,
  fileErrno,
  isSupported,
  openDirectoryAt,
  type OwnedFd,
  ownFd,
  readDirectory,
  type Stat,
  tryStatAt,
} from "../../../linux/mod.ts";
import { lstatOrNothingSync } from "../system.ts";

/** Size in bytes of the blocks that stat(2) counts, whatever the file system's own block size. */
const STAT_BLOCK = 512;

/** What is counted of an inode. */
type Counted = Pick<Stat, "type" | "blocks" | "nlink" | "inode" | "device">;

/** Counts bytes on the disk. A file with several names counts once. */
export class DiskBytes {
  /** Number of names seen so far, of files that have several. */
  readonly #names = new Map<string, number>();
  readonly #counts: "first" | "last";

  /**
   * Counts a file at its first name: bytes that are used. Or at the last name that it has anywhere: bytes that are freed
   * when the paths are removed one after the other.
   */
  constructor(counts: "first" | "last") {
    this.#counts = counts;
  }

  /** Bytes of a path and everything below it; 0 when it does not exist. Yields after each directory. */
  *of(path: string): Generator<void, number> {
    if (!isSupported()) return yield* this.#withoutFfi(path);
    const stat = tryStatAt(CWD, fromText(path));
    if (stat === undefined) return 0;
    let bytes = this.#add(stat);
    if (stat.type === "directory") {
      using directory = openDirectory(CWD, fromText(path));
      if (directory !== null) bytes += yield* this.#below(directory.fd);
    }
    return bytes;
  }

  *#below(directory: Fd): Generator<void, number> {
    let bytes = 0;
    for (const { name } of readDirectory(directory)) {
      const stat = tryStatAt(directory, name);
      if (stat === undefined) continue;
      bytes += this.#add(stat);
      if (stat.type !== "directory") continue;
      using child = openDirectory(directory, name);
      if (child !== null) bytes += yield* this.#below(child.fd);
    }
    yield;
    return bytes;
  }

  *#withoutFfi(path: string): Generator<void, number> {
    const info = lstatOrNothingSync(path);
    if (info === undefined) return 0;
    let bytes = this.#add({
      type: info.isDirectory ? "directory" : "file",
      blocks: info.blocks ?? 0,
      nlink: info.nlink ?? 1,
      inode: BigInt(info.ino ?? 0),
      device: String(info.dev),
    });
    if (!info.isDirectory) return bytes;
    yield;
    try {
      for (const { name } of Deno.readDirSync(path)) {
        bytes += yield* this.#withoutFfi(`${path}/${name}`);
      }
    } catch (error) {
      if (fileErrno(error) === undefined) throw error;
    }
    return bytes;
  }

  #add({ type, blocks, nlink, inode, device }: Counted): number {
    if (type === "directory" || nlink <= 1) return blocks * STAT_BLOCK;
    const key = `${device} ${inode}`;
    const names = (this.#names.get(key) ?? 0) + 1;
    this.#names.set(key, names);
    return names === (this.#counts === "first" ? 1 : nlink) ? blocks * STAT_BLOCK : 0;
  }
}

/**
 * Opens a directory; `null` when it cannot be opened: it was removed meanwhile, or it is so deep that this process would
 * have too many open files. Its bytes are then not counted.
 */
function openDirectory(parent: Fd, name: ByteString): OwnedFd | null {
  try {
    return ownFd(openDirectoryAt(parent, name));
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_SYSCALL") return null;
    throw error;
  }
}
