import type { Extent } from "../../../tree/mod.ts";
import { damaged } from "../errors.ts";
import {
  alignUp,
  CHUNK_BASED,
  CHUNK_BITS,
  CHUNK_BYTES,
  CHUNK_INDEXES,
  NO_BLOCK,
} from "../format.ts";
import type { ImageBytes } from "./image_bytes.ts";
import { flatContent, type Inode } from "./read_inode.ts";
import type { Superblock } from "./read_superblock.ts";

/** A run of a file's content in a device. */
export interface DeviceExtent extends Extent {
  /** Number of the device, from 1; 0 is the image itself. */
  readonly device: number;
}

/**
 * Reads the extents of a file, in ascending order. The rest of the file is holes.
 *
 * @throws {VarveError} `E_FORMAT`
 */
export function readExtents(image: ImageBytes, sb: Superblock, inode: Inode): DeviceExtent[] {
  const out: DeviceExtent[] = [];
  if (inode.size === 0) return out;
  const add = (device: number, logical: number, length: number, position: number) => {
    if (device > sb.devices.length) {
      damaged(`inode ${inode.nid} lies in device ${device}, which the image does not have`);
    }
    if (device === 0 && position + length > image.size) {
      damaged(`the content of inode ${inode.nid} lies outside of the image`);
    }
    const last = out.at(-1);
    if (
      last?.device === device && last.logical + last.length === logical &&
      last.position + last.length === position
    ) {
      out[out.length - 1] = { ...last, length: last.length + length };
    } else out.push({ device, logical, length, position });
  };
  if (inode.layout === CHUNK_BASED) {
    eachChunk(image, sb, inode, add);
    return out;
  }
  const { inBlocks, blocksAt, tailAt } = flatContent(sb, inode);
  if (inBlocks > 0) add(0, 0, inBlocks, blocksAt);
  if (inBlocks < inode.size) add(0, inBlocks, inode.size - inBlocks, tailAt);
  return out;
}

/** Calls `add` for each chunk of a file, except for holes. */
function eachChunk(
  image: ImageBytes,
  sb: Superblock,
  inode: Inode,
  add: (device: number, logical: number, length: number, position: number) => void,
): void {
  const { data, size, nid } = inode;
  if ((data & ~(CHUNK_INDEXES | CHUNK_BITS)) !== 0) damaged(`inode ${nid} has unknown chunks`);
  const chunk = 2 ** (sb.blockBits + (data & CHUNK_BITS));
  const hasIndexes = (data & CHUNK_INDEXES) !== 0;
  const step = hasIndexes ? CHUNK_BYTES : 4;
  const chunks = Math.ceil(size / chunk);
  image.spend(chunks * step);
  const array = alignUp(inode.xattrsAt + inode.xattrBytes, step);
  for (let i = 0; i < chunks; i++) {
    const view = image.view(array + i * step, step);
    const block = view.getUint32(hasIndexes ? 4 : 0, true);
    if (block === NO_BLOCK) continue;
    if (hasIndexes && view.getUint16(0, true) !== 0) {
      damaged(`inode ${nid} has block numbers of 48 bits`);
    }
    const device = hasIndexes ? view.getUint16(2, true) : 0;
    add(device, i * chunk, Math.min(chunk, size - i * chunk), block * sb.block);
  }
}
