import type { Extent } from "../../../tree/mod.ts";
import { alignUp, BLOCK, BLOCK_BITS, CHUNK_BYTES, MAX_CHUNK_BITS } from "../format.ts";

/**
 * Consecutive chunks of a file that are also consecutive in a device. Chunks without a run are
 * holes.
 */
export interface ChunkRun {
  /** Number of the first chunk in the file. */
  readonly first: number;
  /** Number of chunks. */
  readonly count: number;
  /**
   * Offset of the first chunk in the layer tar, in bytes; −1 when the chunks are copied into the
   * image.
   */
  readonly position: number;
}

/** How a file is cut into chunks. */
export interface ChunkPlan {
  /** Size of a chunk as a power of two: 2^bits bytes. */
  readonly bits: number;
  /** Number of chunks of the file. */
  readonly chunks: number;
  /** The runs in ascending order. */
  readonly runs: readonly ChunkRun[];
  /** Number of bytes that are copied, rounded up to whole blocks. */
  readonly copied: number;
}

const MAX_CHUNK = 2 ** MAX_CHUNK_BITS;

/**
 * Chooses the chunk size of a file of `size` bytes: the smallest chunk that holds the whole file,
 * but at most 1 GiB. Returns the chunk size as a power of two: 2^bits bytes.
 */
export function chunkBitsOf(size: number): number {
  if (size > MAX_CHUNK) return MAX_CHUNK_BITS;
  return size <= BLOCK ? BLOCK_BITS : 32 - Math.clz32(size - 1);
}

/**
 * Plans the chunks of a file that is not one run of whole blocks. A chunk that is a run of whole
 * blocks in the tar is addressed there. A chunk without data is a hole. Any other chunk is copied.
 * The chunk size is chosen so that copies and chunk array together need the fewest bytes of the
 * image.
 *
 * @param isPadded whether the bytes after the content, up to the next block, are zeros
 */
export function planChunks(
  size: number,
  extents: readonly Extent[],
  isPadded: boolean,
): ChunkPlan {
  let best = BLOCK_BITS;
  let least = Infinity;
  for (let bits = chunkBitsOf(size); bits >= BLOCK_BITS; bits--) {
    let cost = Math.ceil(size / 2 ** bits) * CHUNK_BYTES;
    cut(size, extents, isPadded, bits, (run) => cost += copiedBytes(size, bits, run));
    if (cost < least) {
      least = cost;
      best = bits;
    }
  }
  const runs: ChunkRun[] = [];
  let copied = 0;
  cut(size, extents, isPadded, best, (run) => {
    runs.push(run);
    copied += copiedBytes(size, best, run);
  });
  return { bits: best, chunks: Math.ceil(size / 2 ** best), runs, copied };
}

/** Number of bytes that are copied for a run; 0 when the run lies in the layer tar. */
export function copiedBytes(size: number, bits: number, run: ChunkRun): number {
  if (run.position >= 0) return 0;
  const start = run.first * 2 ** bits;
  return Math.min(run.count * 2 ** bits, alignUp(size - start, BLOCK));
}

/** Cuts a file into chunks of a given size and reports the runs in ascending order. */
function cut(
  size: number,
  extents: readonly Extent[],
  isPadded: boolean,
  bits: number,
  report: (run: ChunkRun) => void,
): void {
  const chunk = 2 ** bits;
  /** Number of the first chunk that is not in a run yet and not known to be a hole. */
  let done = 0;
  const copy = (from: number, to: number) => {
    const first = Math.max(from, done);
    if (first >= to) return;
    report({ first, count: to - first, position: -1 });
    done = to;
  };
  for (const { logical, length, position } of extents) {
    const end = logical + length;
    const first = Math.floor(logical / chunk);
    const last = Math.ceil(end / chunk);
    const from = Math.ceil(logical / chunk);
    let to = Math.floor(end / chunk);
    // The last block of a file may be only partly filled. The rest of the block must then be zeros.
    if (end === size && (size % BLOCK === 0 || isPadded)) to = last;
    const shift = position - logical;
    if (shift % BLOCK !== 0 || from >= to || from * chunk + shift < 0) {
      copy(first, last);
      continue;
    }
    copy(first, from);
    report({ first: from, count: to - from, position: from * chunk + shift });
    done = to;
    copy(to, last);
  }
}
