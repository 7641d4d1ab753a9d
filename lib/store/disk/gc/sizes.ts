import { inodesAt, type InodeUse } from "./inodes.ts";

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
    let bytes = 0;
    for (const inode of inodesAt(path)) {
      if (inode === null) yield;
      else bytes += this.#add(inode);
    }
    return bytes;
  }

  #add({ isDirectory, nlink, key, bytes }: InodeUse): number {
    if (isDirectory || nlink <= 1) return bytes;
    const names = (this.#names.get(key) ?? 0) + 1;
    this.#names.set(key, names);
    return names === (this.#counts === "first" ? 1 : nlink) ? bytes : 0;
  }
}
