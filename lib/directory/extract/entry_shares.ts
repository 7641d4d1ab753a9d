import type { ByteString } from "../../bytes/mod.ts";
import type { Node } from "../../tree/mod.ts";
import type { ExtractPart } from "./contract.ts";

/**
 * Cost of creating an inode, as the number of bytes of content that can be copied in the same time
 * (measured on ext4).
 */
const INODE = 32 * 1024;

/**
 * A run of entries that stay together ends when its cost exceeds this. The remaining entries of the
 * directory may then go to another part.
 */
const RUN = 8 * 1024 * 1024;

/**
 * Divides a tree's entries among the parts of an extraction. Entries that follow each other in one directory
 * stay together, so that two threads seldom wait for the lock of the same directory. Each such run goes to the
 * part that has least to do.
 *
 * The threads do not communicate. Each thread computes the same division and does its own part.
 */
export class EntryShares {
  readonly #index: number;
  readonly #loads: number[];
  #directory: ByteString | undefined;
  #share = 0;
  #run = 0;

  /** Begins the division, for one part of it. @throws {RangeError} when there is no such part */
  constructor({ index, count }: ExtractPart) {
    if (!Number.isInteger(count) || !(index >= 0 && index < count) || !Number.isInteger(index)) {
      throw new RangeError(`Cannot extract part ${index} of ${count}: there is no such part`);
    }
    this.#index = index;
    this.#loads = new Array<number>(count).fill(0);
  }

  /** Whether the next entry of the walk belongs to this part. It must be called for each entry, in order. */
  takes(directory: ByteString, node: Node): boolean {
    if (this.#loads.length === 1) return true;
    if (directory !== this.#directory || this.#run > RUN) {
      this.#directory = directory;
      this.#run = 0;
      this.#share = this.#loads.indexOf(Math.min(...this.#loads));
    }
    const cost = INODE + (node.type === "file" ? node.size : 0);
    this.#run += cost;
    this.#loads[this.#share] = (this.#loads[this.#share] as number) + cost;
    return this.#share === this.#index;
  }
}
