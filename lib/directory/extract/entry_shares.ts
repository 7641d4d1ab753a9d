import type { ByteString } from "../../bytes/mod.ts";
import type { Node } from "../../tree/mod.ts";
import type { ExtractPart } from "./contract.ts";

/** What creating an inode costs, in bytes of content copied in the same time (measured on ext4). */
const INODE = 32 * 1024;

/** After this much the rest of a directory may go to another share. */
const RUN = 8 * 1024 * 1024;

/**
 * Deals a tree's entries out to several threads: runs of one directory, so that
 * two threads seldom wait for one directory's lock, each to the share that has
 * least to do. Every thread deals the same cards and keeps its own.
 */
export class EntryShares {
  readonly #index: number;
  readonly #loads: number[];
  #directory: ByteString | undefined;
  #share = 0;
  #run = 0;

  /** Begins to deal. @throws {RangeError} when the part is none of its count */
  constructor({ index, count }: ExtractPart) {
    if (!Number.isInteger(count) || !(index >= 0 && index < count) || !Number.isInteger(index)) {
      throw new RangeError(`Cannot extract part ${index} of ${count}: there is no such part`);
    }
    this.#index = index;
    this.#loads = new Array<number>(count).fill(0);
  }

  /** Whether the next entry of the walk is this thread's. Must be asked for each, in order. */
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
