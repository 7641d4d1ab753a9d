import type { Extent } from "../../../tree/mod.ts";
import { alignUp, BLOCK, BLOCK_BITS, CHUNK_BYTES, MAX_CHUNK_BITS } from "../format.ts";

/** Chunks of a file that lie one behind the other; what no run names is a hole. */
export interface ChunkRun {
  /** The first chunk. */
  readonly first: number;
  /** How many. */
  readonly count: number;
  /** Where the first lies in the layer, in bytes; −1 when they are copied into the image. */
  readonly position: number;
}

/** How a file is cut. */
export interface ChunkPlan {
  /** Bits of a chunk. */
  readonly bits: number;
  /** Chunks of the file. */
  readonly chunks: number;
  /** In ascending order. */
  readonly runs: readonly ChunkRun[];
  /** Bytes that are copied, in whole blocks. */
  readonly copied: number;
}

const MAX_CHUNK = 2 ** MAX_CHUNK_BITS;

/** The bits of the chunk that holds so many bytes at once, or of the largest. */
export function chunkBitsOf(size: number): number {
  if (size > MAX_CHUNK) return MAX_CHUNK_BITS;
  return size <= BLOCK ? BLOCK_BITS : 32 - Math.clz32(size - 1);
}

/**
 * Cuts a file whose content is no single run of whole blocks. A chunk that is
 * not wholly a hole or wholly addressable is copied; the size of the chunks is
 * the one that costs the image the fewest bytes, copies and array together.
 *
 * @param isPadded whether zeros follow the last byte up to the next block
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

/** Bytes that the image needs for a run. */
export function copiedBytes(size: number, bits: number, run: ChunkRun): number {
  if (run.position >= 0) return 0;
  const start = run.first * 2 ** bits;
  return Math.min(run.count * 2 ** bits, alignUp(size - start, BLOCK));
}

function cut(
  size: number,
  extents: readonly Extent[],
  isPadded: boolean,
  bits: number,
  tell: (run: ChunkRun) => void,
): void {
  const chunk = 2 ** bits;
  /** Chunks before this one are told. */
  let told = 0;
  const copy = (from: number, to: number) => {
    const first = Math.max(from, told);
    if (first >= to) return;
    tell({ first, count: to - first, position: -1 });
    told = to;
  };
  for (const { logical, length, position } of extents) {
    const end = logical + length;
    const first = Math.floor(logical / chunk);
    const last = Math.ceil(end / chunk);
    const from = Math.ceil(logical / chunk);
    let to = Math.floor(end / chunk);
    // The last block of a file may be a part: what stands behind it must then be zeros.
    if (end === size && (size % BLOCK === 0 || isPadded)) to = last;
    const shift = position - logical;
    if (shift % BLOCK !== 0 || from >= to || from * chunk + shift < 0) {
      copy(first, last);
      continue;
    }
    copy(first, from);
    tell({ first: from, count: to - from, position: from * chunk + shift });
    told = to;
    copy(to, last);
  }
}
