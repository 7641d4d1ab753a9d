import {
  alignUp,
  BLOCK,
  CHUNK_BASED,
  CHUNK_BYTES,
  COMPACT_BYTES,
  EXTENDED_BYTES,
  FLAT_INLINE,
  FLAT_PLAIN,
  MAX_CHUNK_BITS,
  NID_BYTES,
} from "../format.ts";
import { DIRECTORY, FILE, LINK, WHITEOUT } from "./entry_table.ts";
import { chunkBitsOf } from "./plan_chunks.ts";
import type { Survey } from "./survey_tree.ts";

const MAX_CHUNK = 2 ** MAX_CHUNK_BITS;

/** How one inode lies in the image. One object is used for all inodes, one after another. */
export class InodeShape {
  /** Bytes of the inode itself. */
  bytes = 0;
  /** Its xattrs. */
  area: Uint8Array = new Uint8Array(0);
  /** Names of the inode; of a directory 2 and one for each directory in it. */
  links = 0;
  /** Size that it tells. */
  size = 0;
  /** Bytes that stand behind it when they fit into one block: the end of a directory, or a link's target. */
  tail = 0;
  /** Data layout; {@linkcode FLAT_PLAIN} instead of inline is decided where it is placed. */
  layout: number = FLAT_PLAIN;
  /** Chunks of a file. */
  chunks = 0;
  /** Bits of a chunk. */
  chunkBits = 0;
  readonly #survey: Survey;

  /** Shapes for the inodes of one tree. */
  constructor(survey: Survey) {
    this.#survey = survey;
  }

  /** Bytes that stand in blocks of their own, once it is placed. */
  get blockBytes(): number {
    if (this.layout === CHUNK_BASED) return 0;
    return this.layout === FLAT_INLINE ? this.size - this.tail : alignUp(this.size, BLOCK);
  }

  /** Takes the form that an entry was noted with; it must have an inode of its own. */
  take(entry: number): void {
    const { epoch, files: { special }, notes, pool } = this.#survey;
    const kind = notes.kind(entry);
    const size = this.size = notes.sizes[entry] as number;
    const links = this.links = notes.links[entry] as number;
    this.area = pool.area(notes.xattrs(entry));
    this.tail = this.chunks = 0;
    this.layout = FLAT_PLAIN;
    if (kind === DIRECTORY) {
      this.tail = size % BLOCK === 0 ? BLOCK : size % BLOCK;
      this.layout = FLAT_INLINE;
    } else if (kind === LINK) {
      this.tail = size;
      this.layout = FLAT_INLINE;
    } else if (kind === FILE && size > 0) {
      const plan = special.size === 0 ? undefined : special.get(entry)?.plan;
      this.layout = CHUNK_BASED;
      this.chunkBits = plan?.bits ?? chunkBitsOf(size);
      this.chunks = plan?.chunks ?? (size <= MAX_CHUNK ? 1 : Math.ceil(size / MAX_CHUNK));
    }
    const isCompact = kind === WHITEOUT ||
      notes.isSmall(entry, epoch) && size <= 0xffff_ffff && links <= 0xffff;
    this.bytes = isCompact ? COMPACT_BYTES : EXTENDED_BYTES;
  }
}

/** Finds a place for one inode after another. Planning and writing take the same steps. */
export class Placer {
  /** Where the next thing can begin, in bytes from the start of the image. */
  at: number;

  /** Begins behind what stands in front of the inodes. */
  constructor(at: number) {
    this.at = at;
  }

  /**
   * Places an inode, its xattrs, and its tail or chunks; returns where. Makes it
   * flat plain when the tail has no room in one block; `at` is then in front of the tail's block.
   */
  inode(shape: InodeShape): number {
    let at = alignUp(this.at, NID_BYTES);
    const head = shape.bytes + shape.area.length;
    if (shape.layout === FLAT_INLINE) {
      if (!fits(at, shape)) {
        // The first half of an extended inode may stand in the block before.
        const boundary = alignUp(at + 1, BLOCK);
        const half = boundary - (shape.bytes - COMPACT_BYTES);
        at = half >= at && fits(half, shape) ? half : boundary;
      }
      if (fits(at, shape)) {
        this.at = at + head + shape.tail;
        return at;
      }
      shape.layout = FLAT_PLAIN;
      at = alignUp(this.at, NID_BYTES);
    }
    this.at = at + head;
    if (shape.chunks > 0) this.at = alignUp(this.at, CHUNK_BYTES) + shape.chunks * CHUNK_BYTES;
    return at;
  }

  /** Places whole blocks for so many bytes; returns where. */
  blocks(bytes: number): number {
    const at = alignUp(this.at, BLOCK);
    this.at = at + alignUp(bytes, BLOCK);
    return at;
  }
}

/** Whether the tail stands in the block in which the inode ends: older kernels look for a link's target nowhere else. */
function fits(at: number, { bytes, area, tail }: InodeShape): boolean {
  const inode = at + bytes;
  return inode - (inode - 1) % BLOCK - 1 + BLOCK >= inode + area.length + tail;
}
