/** What of the tree is shown, for a layer and the choices of the user. All paths are read once, whatever is chosen. */
import { kindOfCode, layerOfCode, type PathColumns } from "../../../../explore/mod.ts";

/** How a path differs from the layers below. */
export type Status = "unmodified" | "added" | "modified" | "removed";

/** The statuses, in the order of their codes. Code 0 is a path that is not there. */
export const STATUSES: readonly Status[] = ["unmodified", "added", "modified", "removed"];

const [GONE, UNMODIFIED, ADDED, MODIFIED, REMOVED] = [0, 1, 2, 3, 4] as const;

/** What the tree shows. */
export interface TreeChoice {
  /** Index of the layer: the tree is that of this layer and those below. */
  readonly layer: number;
  /** Whether changes are those since the lowest layer; else those of the layer. */
  readonly isAggregated: boolean;
  /** Statuses that are not shown. */
  readonly hidden: ReadonlySet<Status>;
  /** By path: 1 for a directory whose entries are not shown. */
  readonly collapsed: Uint8Array;
  /** By path: 1 for one that the filter lets through; `undefined` without a filter. */
  readonly matches: Uint8Array | undefined;
}

/** The tree as it is shown. */
export interface TreeRows {
  /** The paths that are shown, in order. */
  readonly rows: Int32Array;
  /** By path: its status, as a code. */
  readonly codes: Uint8Array;
  /** By path: bytes of the files at and below it that are there. */
  readonly sizes: Float64Array;
  /** By path: 1 for one that is the last entry of its directory that is shown. */
  readonly last: Uint8Array;
}

/** The status of a path that is shown. */
export function statusOf({ codes }: TreeRows, at: number): Status {
  return STATUSES[(codes[at] as number) - 1] as Status;
}

/** The tree for a choice. */
export function treeRows(columns: PathColumns, choice: TreeChoice): TreeRows {
  const { codes, sizes } = stack(columns, choice);
  const visible = visibleOf(columns, choice, codes);
  const rows = new Int32Array(columns.count);
  let length = 0;
  for (let at = 1; at < columns.count;) {
    if (visible[at] === 1) rows[length++] = at;
    const isClosed = visible[at] === 0 || choice.collapsed[at] === 1;
    at = isClosed ? columns.ends[at] as number : at + 1;
  }
  const shown = rows.subarray(0, length);
  return { rows: shown, codes, sizes, last: lastOf(columns, shown) };
}

/** Status and bytes of each path. */
function stack(
  columns: PathColumns,
  { layer, isAggregated }: TreeChoice,
): { readonly codes: Uint8Array; readonly sizes: Float64Array } {
  const { count, parents } = columns;
  const codes = new Uint8Array(count);
  const sizes = new Float64Array(count);
  for (let at = count - 1; at > 0; at--) {
    const parent = parents[at] as number;
    const code = isAggregated
      ? codeSinceLowest(columns, at, layer)
      : codeOfLayer(columns, at, layer);
    // What is below has been seen: a directory with a change in it is modified.
    if (codes[at] !== MODIFIED || code !== UNMODIFIED) codes[at] = code;
    if (code === GONE) continue;
    if (codes[at] !== UNMODIFIED && codes[parent] === GONE) codes[parent] = MODIFIED;
    if (code === REMOVED) continue;
    const bytes = columns.bytes[changeAt(columns, at, layer)] as number;
    sizes[at] = (sizes[at] as number) + bytes;
    sizes[parent] = (sizes[parent] as number) + (sizes[at] as number);
  }
  return { codes, sizes };
}

/** The last change of a path in the layers up to one; -1 where there is none. */
export function changeAt({ begins, codes }: PathColumns, at: number, layer: number): number {
  for (let i = (begins[at + 1] as number) - 1; i >= (begins[at] as number); i--) {
    if (layerOfCode(codes[i] as number) <= layer) return i;
  }
  return -1;
}

function codeOfLayer(columns: PathColumns, at: number, layer: number): number {
  const change = changeAt(columns, at, layer);
  if (change < 0) return GONE;
  const code = columns.codes[change] as number;
  const isOwn = layerOfCode(code) === layer;
  switch (kindOfCode(code)) {
    case "deleted":
      return isOwn ? REMOVED : GONE;
    case "added":
      return isOwn ? ADDED : UNMODIFIED;
    case "same":
      return UNMODIFIED;
    default:
      return isOwn ? MODIFIED : UNMODIFIED;
  }
}

function codeSinceLowest({ begins, codes }: PathColumns, at: number, layer: number): number {
  let wasThere = false;
  let isThere = false;
  let isTouched = false;
  for (let i = begins[at] as number; i < (begins[at + 1] as number); i++) {
    const code = codes[i] as number;
    const of = layerOfCode(code);
    if (of > layer) break;
    const kind = kindOfCode(code);
    isThere = kind !== "deleted";
    if (of === 0) wasThere = isThere;
    else isTouched ||= kind !== "same";
  }
  if (!wasThere) return isThere ? ADDED : GONE;
  if (!isThere) return REMOVED;
  return isTouched ? MODIFIED : UNMODIFIED;
}

/** By path: whether it is shown where its directory is open. What is shown also shows the directories above it. */
function visibleOf(
  { count, parents }: PathColumns,
  { hidden, matches }: TreeChoice,
  codes: Uint8Array,
): Uint8Array {
  const isHidden = [true, ...STATUSES.map((status) => hidden.has(status))];
  const visible = new Uint8Array(count);
  for (let at = count - 1; at > 0; at--) {
    if (visible[at] === 0) {
      if (isHidden[codes[at] as number] || matches?.[at] === 0) continue;
      visible[at] = 1;
    }
    visible[parents[at] as number] = 1;
  }
  return visible;
}

/** By path: whether it is the last of its directory among some rows. */
function lastOf({ count, depths }: PathColumns, rows: Int32Array): Uint8Array {
  const last = new Uint8Array(count);
  /** By depth: whether a row below has the same directory. */
  const isFollowed: boolean[] = [];
  for (let i = rows.length - 1; i >= 0; i--) {
    const at = rows[i] as number;
    const depth = depths[at] as number;
    // What is deeper belongs to another directory.
    isFollowed.length = Math.min(isFollowed.length, depth + 1);
    if (isFollowed[depth] !== true) last[at] = 1;
    isFollowed[depth] = true;
  }
  return last;
}
