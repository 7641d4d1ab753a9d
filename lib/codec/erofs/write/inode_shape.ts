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

/** The form of an inode in the image. One object is reused for all inodes, one after another. */
export class InodeShape {
  /** Size of the inode itself in bytes: compact or extended. */
  bytes = 0;
  /** The encoded xattr area that follows the inode. */
  area: Uint8Array = new Uint8Array(0);
  /**
   * The link count: the number of names of the inode; for a directory, 2 plus the number of
   * directories in it.
   */
  links = 0;
  /** Size of the content in bytes. */
  size = 0;
  /**
   * Size in bytes of the tail: content that is stored after the inode if it fits there (the end of
   * a directory, or a link target).
   */
  tail = 0;
  /** Data layout. Placing may change {@linkcode FLAT_INLINE} to {@linkcode FLAT_PLAIN}. */
  layout: number = FLAT_PLAIN;
  /** Number of chunks of a file. */
  chunks = 0;
  /** Size of a chunk as a power of two: 2^chunkBits bytes. */
  chunkBits = 0;
  readonly #survey: Survey;

  /** Makes a shape for the inodes of a surveyed tree. */
  constructor(survey: Survey) {
    this.#survey = survey;
  }

  /** Number of content bytes in whole blocks. Valid once the inode is placed. */
  get blockBytes(): number {
    if (this.layout === CHUNK_BASED) return 0;
    return this.layout === FLAT_INLINE ? this.size - this.tail : alignUp(this.size, BLOCK);
  }

  /** Sets the fields for the inode of an entry. The entry must not be an alias. */
  take(entry: number): void {
    const { epoch, files: { special }, table, pool } = this.#survey;
    const kind = table.kind(entry);
    const size = this.size = table.sizes[entry] as number;
    const links = this.links = table.links[entry] as number;
    this.area = pool.area(table.xattrs(entry));
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
      table.isCompact(entry, epoch) && size <= 0xffff_ffff && links <= 0xffff;
    this.bytes = isCompact ? COMPACT_BYTES : EXTENDED_BYTES;
  }
}

/**
 * Finds the places of inodes, one after another. Planning and writing use it in the same steps,
 * with the same results.
 */
export class Placer {
  /** Offset in the image after everything that was placed so far, in bytes. */
  at: number;

  /** Begins at the offset of the first inode. */
  constructor(at: number) {
    this.at = at;
  }

  /**
   * Places an inode with its xattrs, followed by its tail or chunk array. Returns the offset of the
   * inode. If the tail does not fit into the same block as the inode, the layout becomes
   * {@linkcode FLAT_PLAIN}, and the caller then places the tail with {@linkcode blocks}.
   */
  inode(shape: InodeShape): number {
    let at = alignUp(this.at, NID_BYTES);
    const head = shape.bytes + shape.area.length;
    if (shape.layout === FLAT_INLINE) {
      if (!fits(at, shape)) {
        // Only the second half of an extended inode must be in the block of the tail.
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

  /** Places whole blocks for `bytes` bytes. Returns their offset. */
  blocks(bytes: number): number {
    const at = alignUp(this.at, BLOCK);
    this.at = at + alignUp(bytes, BLOCK);
    return at;
  }
}

/**
 * Whether the tail is in the block in which the inode ends. Older kernels look for a link target
 * only there.
 */
function fits(at: number, { bytes, area, tail }: InodeShape): boolean {
  const inode = at + bytes;
  return inode - (inode - 1) % BLOCK - 1 + BLOCK >= inode + area.length + tail;
}
