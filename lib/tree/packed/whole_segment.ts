import type { DiffId } from "../../digest/mod.ts";
import { Block, type BlockRef, type Segment } from "./block.ts";
import { checkHeader } from "./check_block.ts";
import { damaged } from "./damaged.ts";

/**
 * A segment of a file that is completely in memory. A block is a view of the bytes, so no block is
 * cached. `load` checks only that a block stays inside the bytes; `verifyTree` checks the rest.
 */
export class WholeSegment implements Segment {
  readonly sources: readonly DiffId[];
  readonly imports: readonly Segment[] = [];
  /** The bytes of all blocks. */
  readonly pages: Uint8Array<ArrayBuffer>;
  readonly #u32: Uint32Array;

  /** `pages` must begin at a multiple of 4 bytes in its buffer. */
  constructor(sources: readonly DiffId[], pages: Uint8Array<ArrayBuffer>) {
    this.sources = sources;
    this.pages = pages;
    this.#u32 = new Uint32Array(pages.buffer, pages.byteOffset, pages.length >>> 2);
  }

  get bytes(): number {
    return this.pages.length;
  }

  load({ address, length }: BlockRef): Block {
    const at = address * 2;
    if (at + (length >>> 2) > this.#u32.length) damaged("an address is outside of the tree");
    checkHeader(this.#u32, at, length);
    return new Block(this, this.pages, this.#u32, at);
  }
}
