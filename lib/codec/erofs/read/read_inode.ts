import { damaged } from "../errors.ts";
import {
  CHUNK_BASED,
  COMPACT_BYTES,
  EXTENDED_BYTES,
  FLAT_INLINE,
  FLAT_PLAIN,
  NID_BYTES,
  XATTR_HEADER_BYTES,
} from "../format.ts";
import type { ImageBytes } from "./image_bytes.ts";
import type { Superblock } from "./read_superblock.ts";

/** An inode of an image. */
export interface Inode {
  /** Number of the inode. */
  readonly nid: number;
  /** Type and permission bits, as in `st_mode`. */
  readonly mode: number;
  /** User id of the owner. */
  readonly uid: number;
  /** Group id. */
  readonly gid: number;
  /** Modification time. */
  readonly mtime: { readonly lo: number; readonly hi: number; readonly ns: number };
  /** Link count. */
  readonly links: number;
  /** Size of the content in bytes. */
  readonly size: number;
  /** Data layout: `FLAT_PLAIN`, `FLAT_INLINE` or `CHUNK_BASED`. */
  readonly layout: number;
  /** The word `i_u`: start block, device number or chunk format, by type and layout. */
  readonly data: number;
  /** Offset of the inode's xattr area in the image, in bytes. */
  readonly xattrsAt: number;
  /** Size of the inode's xattr area in bytes. */
  readonly xattrBytes: number;
}

/**
 * Reads an inode.
 *
 * @throws {VarveError} `E_FORMAT`
 */
export function readInode(image: ImageBytes, sb: Superblock, nid: number): Inode {
  const at = sb.inodesAt + nid * NID_BYTES;
  const format = image.view(at, COMPACT_BYTES).getUint16(0, true);
  const isExtended = (format & 1) === 1;
  const layout = format >>> 1;
  if (layout !== FLAT_PLAIN && layout !== FLAT_INLINE && layout !== CHUNK_BASED) {
    damaged(`inode ${nid} is compressed or of an unknown form`);
  }
  const bytes = isExtended ? EXTENDED_BYTES : COMPACT_BYTES;
  const view = image.view(at, bytes);
  const count = view.getUint16(2, true);
  const xattrBytes = count === 0 ? 0 : XATTR_HEADER_BYTES + (count - 1) * 4;
  image.spend(bytes + xattrBytes);
  const common = {
    nid,
    mode: view.getUint16(4, true),
    layout,
    data: view.getUint32(16, true),
    xattrsAt: at + bytes,
    xattrBytes,
  };
  if (!isExtended) {
    return {
      ...common,
      links: view.getUint16(6, true),
      size: view.getUint32(8, true),
      uid: view.getUint16(24, true),
      gid: view.getUint16(26, true),
      mtime: sb.epoch,
    };
  }
  const size = view.getUint32(12, true) * 2 ** 32 + view.getUint32(8, true);
  const ns = view.getUint32(40, true);
  if (!Number.isSafeInteger(size)) damaged(`inode ${nid} has a size beyond 2^53`);
  return {
    ...common,
    links: view.getUint32(44, true),
    size,
    uid: view.getUint32(24, true),
    gid: view.getUint32(28, true),
    mtime: { lo: view.getUint32(32, true), hi: view.getInt32(36, true), ns },
  };
}

/** Where the content of a flat inode lies: in whole blocks, and in a tail after the inode. */
export interface FlatContent {
  /** Number of content bytes in blocks. The rest is the tail. */
  readonly inBlocks: number;
  /** Offset of these blocks in the image, in bytes. */
  readonly blocksAt: number;
  /** Offset of the tail in the image, in bytes. */
  readonly tailAt: number;
}

/**
 * Finds the content of an inode that does not consist of chunks.
 *
 * @throws {VarveError} `E_FORMAT`
 */
export function flatContent(sb: Superblock, inode: Inode): FlatContent {
  const { size, layout, data, nid } = inode;
  const tailAt = inode.xattrsAt + inode.xattrBytes;
  const blocksAt = data * sb.block;
  if (layout === FLAT_PLAIN) return { inBlocks: size, blocksAt, tailAt };
  if (layout !== FLAT_INLINE) damaged(`inode ${nid} consists of chunks and is not a file`);
  const tail = size === 0 ? 0 : size % sb.block || sb.block;
  if (tailAt % sb.block + tail > sb.block) damaged(`the tail of inode ${nid} spans blocks`);
  return { inBlocks: size - tail, blocksAt, tailAt };
}
