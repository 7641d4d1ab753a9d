import { escapeForTerminal } from "../../bytes/mod.ts";
import { TYPE_LETTERS } from "../../tree/internal.ts";
import { CHANGE_KINDS, type ExploredPath } from "../contract.ts";

/** The letter of a directory whose entries are left out. */
const FOLDED = "+";

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
export function pageNodes(paths: Iterable<ExploredPath>, most: number): PageNodes {
  const all = readAll(paths);
  const least = leastBytes(all, most);
  const depths: number[] = [];
  const names: string[] = [];
  const letters: string[] = [];
  const changes: string[] = [];
  const folded = { directories: 0, paths: 0 };
  for (let at = 0; at < all.depths.length;) {
    const end = all.ends[at] as number;
    const isFolded = end > at + 1 && at > 0 && (all.bytes[at] as number) < least;
    depths.push(all.depths[at] as number);
    names.push(JSON.stringify(all.names[at]));
    letters.push(isFolded ? FOLDED : all.letters[at] as string);
    changes.push(`[${(isFolded ? sumOf(all, at, end) : pairsOf(all, at, at + 1)).join()}]`);
    if (isFolded) {
      folded.directories++;
      folded.paths += end - at - 1;
    }
    at = isFolded ? end : at + 1;
  }
  return { depths, names, types: letters.join(""), changes, folded };
}

interface AllPaths {
  readonly depths: number[];
  readonly names: string[];
  readonly letters: string[];
  /** Pairs of code and bytes, of all paths one after the other. */
  readonly pairs: number[];
  /** Where the pairs of each path begin. */
  readonly begins: number[];
  /** Index behind the last path below each path. */
  readonly ends: number[];
  /** Bytes with all below. */
  readonly bytes: number[];
}

function readAll(paths: Iterable<ExploredPath>): AllPaths {
  const all: AllPaths = {
    depths: [0],
    names: [""],
    letters: ["d"],
    pairs: [],
    begins: [0],
    ends: [0],
    bytes: [0],
  };
  const above = [0];
  const leave = (depth: number) => {
    while (above.length > depth) {
      const at = above.pop() as number;
      all.ends[at] = all.depths.length;
      const parent = above.at(-1);
      if (parent !== undefined) all.bytes[parent] = bytesOf(all, parent) + bytesOf(all, at);
    }
  };
  for (const { name, depth, changes } of paths) {
    leave(depth);
    all.begins.push(all.pairs.length);
    let bytes = 0;
    for (const { layer, kind, bytes: own } of changes) {
      all.pairs.push(CHANGE_KINDS.length * layer + CHANGE_KINDS.indexOf(kind), own);
      if (kind !== "deleted") bytes += own;
    }
    above.push(all.depths.length);
    all.depths.push(depth);
    all.names.push(escapeForTerminal(name));
    all.letters.push(TYPE_LETTERS[changes.at(-1)?.node.type ?? "directory"]);
    all.ends.push(0);
    all.bytes.push(bytes);
  }
  leave(0);
  return all;
}

function bytesOf({ bytes }: AllPaths, at: number): number {
  return bytes[at] as number;
}

/** The least bytes of a directory whose entries are shown, so that at most `most` paths are. */
function leastBytes(all: AllPaths, most: number): number {
  if (all.depths.length <= most) return 0;
  const shown = (least: number) => {
    let count = 0;
    for (let at = 0; at < all.depths.length; count++) {
      const end = all.ends[at] as number;
      at = end > at + 1 && at > 0 && bytesOf(all, at) < least ? end : at + 1;
    }
    return count;
  };
  let [low, high] = [0, bytesOf(all, 0) + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (shown(middle) > most) low = middle;
    else high = middle;
  }
  return high;
}

/** The pairs of the paths from one index to another. */
function pairsOf({ pairs, begins }: AllPaths, from: number, end: number): readonly number[] {
  return pairs.slice(begins[from], begins[end]);
}

/** The changes of a path and of all below it: one pair for each code. */
function sumOf(all: AllPaths, from: number, end: number): readonly number[] {
  const sums = new Map<number, number>();
  const pairs = pairsOf(all, from, end);
  for (let i = 0; i < pairs.length; i += 2) {
    const code = pairs[i] as number;
    sums.set(code, (sums.get(code) ?? 0) + (pairs[i + 1] as number));
  }
  return [...sums].sort(([a], [b]) => a - b).flat();
}
