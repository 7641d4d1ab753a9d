import { CHANGE_KINDS } from "../contract.ts";
import type { PathColumns } from "../path_columns.ts";

/** The letter of a directory whose entries are left out. */
const FOLDED = "+";
const DELETED = CHANGE_KINDS.indexOf("deleted");

/** The paths of an image as columns, each value as JSON text: the root first, then in the order of a walk. */
export interface PageNodes {
  readonly depths: readonly number[];
  readonly names: readonly string[];
  readonly types: string;
  readonly changes: readonly string[];
  readonly folded: { readonly directories: number; readonly paths: number };
}

/**
 * The paths of an image for a page. Where they are more than `most`, the entries of the directories with the fewest
 * bytes are left out: such a directory then has the changes of all that it holds, so that no sum is lost.
 */
export function pageNodes(all: PathColumns, most: number): PageNodes {
  const below = bytesBelow(all);
  const least = leastBytes(all, below, most);
  const depths: number[] = [];
  const names: string[] = [];
  const letters: string[] = [];
  const changes: string[] = [];
  const folded = { directories: 0, paths: 0 };
  for (let at = 0; at < all.count;) {
    const end = all.ends[at] as number;
    const isFolded = end > at + 1 && at > 0 && (below[at] as number) < least;
    depths.push(all.depths[at] as number);
    names.push(JSON.stringify(all.names[at]));
    letters.push(isFolded ? FOLDED : String.fromCharCode(all.types[at] as number));
    changes.push(`[${(isFolded ? sumOf(all, at, end) : pairsOf(all, at)).join()}]`);
    if (isFolded) {
      folded.directories++;
      folded.paths += end - at - 1;
    }
    at = isFolded ? end : at + 1;
  }
  return { depths, names, types: letters.join(""), changes, folded };
}

/** Bytes that layers have at each path and below. */
function bytesBelow({ count, parents, begins, codes, bytes }: PathColumns): Float64Array {
  const sums = new Float64Array(count);
  for (let at = count - 1; at >= 0; at--) {
    const end = begins[at + 1] as number;
    let sum = sums[at] as number;
    for (let i = begins[at] as number; i < end; i++) {
      if ((codes[i] as number) % CHANGE_KINDS.length !== DELETED) sum += bytes[i] as number;
    }
    sums[at] = sum;
    if (at > 0) sums[parents[at] as number] = (sums[parents[at] as number] as number) + sum;
  }
  return sums;
}

/** The least bytes of a directory whose entries are shown, so that at most `most` paths are. */
function leastBytes({ count, ends }: PathColumns, below: Float64Array, most: number): number {
  if (count <= most) return 0;
  const shown = (least: number) => {
    let shown = 0;
    for (let at = 0; at < count; shown++) {
      const end = ends[at] as number;
      at = end > at + 1 && at > 0 && (below[at] as number) < least ? end : at + 1;
    }
    return shown;
  };
  let [low, high] = [0, (below[0] as number) + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (shown(middle) > most) low = middle;
    else high = middle;
  }
  return high;
}

/** The changes of a path: code and bytes of each. */
function pairsOf({ begins, codes, bytes }: PathColumns, at: number): number[] {
  const pairs: number[] = [];
  for (let i = begins[at] as number; i < (begins[at + 1] as number); i++) {
    pairs.push(codes[i] as number, bytes[i] as number);
  }
  return pairs;
}

/** The changes of a path and of all below it: one pair for each code. */
function sumOf({ begins, codes, bytes }: PathColumns, from: number, end: number): number[] {
  const sums = new Map<number, number>();
  for (let i = begins[from] as number; i < (begins[end] as number); i++) {
    const code = codes[i] as number;
    sums.set(code, (sums.get(code) ?? 0) + (bytes[i] as number));
  }
  return [...sums].sort(([a], [b]) => a - b).flat();
}
