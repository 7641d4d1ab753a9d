import type { DiffId } from "../../digest/mod.ts";
import type { Arena } from "./arena.ts";
import { Block, type BlockRef, type Segment } from "./block.ts";

/**
 * A segment that was built in this process. Its blocks are trusted, so they are not checked when
 * they are loaded.
 */
export class MemorySegment implements Segment {
  readonly sources: readonly DiffId[];
  readonly imports: readonly Segment[];
  readonly arena: Arena;

  constructor(arena: Arena, sources: readonly DiffId[], imports: readonly Segment[]) {
    this.arena = arena;
    this.sources = sources;
    this.imports = imports;
  }

  get bytes(): number {
    return this.arena.bytes;
  }

  load(ref: BlockRef): Block {
    const page = this.arena.page(ref.address);
    return new Block(this, page.u8, page.u32, this.arena.word(ref.address));
  }
}
