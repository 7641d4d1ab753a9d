import type { DiffId } from "../../digest/mod.ts";
import type { Arena } from "./arena.ts";
import { Block } from "./block.ts";

/** What the reference to a block says of it. */
export interface BlockRef {
  /** The block that refers to it; null for the root. */
  readonly parent: Block | null;
  /** The row of that block. */
  readonly row: number;
  /** Where the segment has it. */
  readonly address: number;
  /** Its bytes. */
  readonly length: number;
  /** A buffer that holds its digest … */
  readonly digest: Uint32Array;
  /** … from this word. */
  readonly digestAt: number;
  /** Entries below it. */
  readonly count: number;
  /** Linked names below it. */
  readonly linked: number;
  /** {@linkcode F_MARKED} or 0. */
  readonly marked: number;
}

/** Blocks that were written together. Blocks refer to blocks of their own segment and of its imports. */
export interface Segment {
  /** Layers that the sides of its files name. */
  readonly sources: readonly DiffId[];
  /** Other segments that its directories refer to. */
  readonly imports: readonly Segment[];
  /** Bytes it keeps in memory, imports not counted. */
  readonly bytes: number;
  /**
   * The block that a reference names.
   *
   * @throws {VarveError} `E_FORMAT` or `E_DIGEST` when it was read from a file and is damaged
   */
  load(ref: BlockRef): Block;
}

/** A segment that was built in this process and is trusted. */
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
