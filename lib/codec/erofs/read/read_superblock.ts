import type { DiffId } from "../../../digest/mod.ts";
import { crc32c } from "../crc32c.ts";
import { damaged } from "../errors.ts";
import {
  COMPAT_CHECKSUM,
  INCOMPAT_CHUNKED,
  INCOMPAT_DEVICES,
  INCOMPAT_ZERO_PADDING,
  MAGIC,
  SLOT_BYTES,
  SUPER_BYTES,
  SUPER_OFFSET,
  TAG_BYTES,
} from "../format.ts";
import type { ImageBytes } from "./image_bytes.ts";

/** The contents of a superblock and of its device table. */
export interface Superblock {
  /** Size of a block in bytes. */
  readonly block: number;
  /** Size of a block as a power of two: 2^blockBits bytes. */
  readonly blockBits: number;
  /** Number of the root inode. */
  readonly root: number;
  /** The image's own time, which compact inodes have. */
  readonly epoch: { readonly lo: number; readonly hi: number; readonly ns: number };
  /** Offset in the image from which inode numbers count, in bytes. */
  readonly inodesAt: number;
  /** Offset in the image from which the ids of shared xattrs count, in bytes. */
  readonly sharedAt: number;
  /** The layers that the tags of the devices name; undefined for a tag that names no layer. */
  readonly devices: readonly (DiffId | undefined)[];
}

/** The incompatible features that are supported. */
const KNOWN = INCOMPAT_CHUNKED | INCOMPAT_DEVICES | INCOMPAT_ZERO_PADDING;
/** Size of the largest block as a power of two: 2^16 bytes. No kernel has larger pages. */
const MAX_BLOCK_BITS = 16;
/**
 * State of the CRC-32C after the first 8 bytes of the superblock: the magic, and the checksum field
 * as zeros. The kernel hashes these first.
 */
const CRC_SEED = 0x5045_b54a;

/**
 * Reads the superblock and the device table.
 *
 * @throws {VarveError} `E_FORMAT`
 */
export function readSuperblock(image: ImageBytes): Superblock {
  const view = image.view(SUPER_OFFSET, SUPER_BYTES);
  if (view.getUint32(0, true) !== MAGIC) damaged("it has no superblock");
  const blockBits = view.getUint8(12);
  if (blockBits < 9 || blockBits > MAX_BLOCK_BITS) damaged(`its blocks have 2^${blockBits} bytes`);
  const block = 2 ** blockBits;
  const features = view.getUint32(80, true);
  if ((features & ~KNOWN) !== 0) {
    damaged(`it needs features 0x${(features & ~KNOWN).toString(16)} that are not supported`);
  }
  if (view.getUint8(90) !== 0) damaged("its directories have blocks of their own size");
  if ((view.getUint32(8, true) & COMPAT_CHECKSUM) !== 0) {
    const end = block > SUPER_OFFSET ? block : SUPER_OFFSET + block;
    const from = SUPER_OFFSET + 8;
    if (crc32c(CRC_SEED, image.at(from, end - from)) !== view.getUint32(4, true)) {
      damaged("the checksum of its superblock differs");
    }
  }
  const hasDevices = (features & INCOMPAT_DEVICES) !== 0;
  return {
    block,
    blockBits,
    root: view.getUint16(14, true),
    epoch: {
      lo: view.getUint32(24, true),
      hi: view.getInt32(28, true),
      ns: view.getUint32(32, true),
    },
    inodesAt: view.getUint32(40, true) * block,
    sharedAt: view.getUint32(44, true) * block,
    devices: hasDevices
      ? readDevices(image, view.getUint16(86, true), view.getUint16(88, true))
      : [],
  };
}

function readDevices(image: ImageBytes, count: number, slot: number): (DiffId | undefined)[] {
  const out: (DiffId | undefined)[] = [];
  for (let i = 0; i < count; i++) {
    const tag = new TextDecoder().decode(image.at((slot + i) * SLOT_BYTES, TAG_BYTES));
    out.push(/^[0-9a-f]{64}$/.test(tag) ? `sha256:${tag}` as DiffId : undefined);
  }
  return out;
}
