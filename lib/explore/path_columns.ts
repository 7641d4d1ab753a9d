import { escapeForTerminal } from "../bytes/mod.ts";
import { TYPE_LETTERS } from "../tree/internal.ts";
import { CHANGE_KINDS, type ChangeKind, type ExploredPath, type PathChange } from "./contract.ts";
import { GrowingNumbers } from "./growing_numbers.ts";

/**
 * The paths of an image as columns, in the order of a walk, the root first: an index for each path, and an index for
 * each change. An image of a million paths takes some 50 MB in this form.
 */
export interface PathColumns {
  /** Number of paths, the root included. */
  readonly count: number;
  /** Last name of each path, as `escapeForTerminal` shows it; `""` for the root. */
  readonly names: readonly string[];
  /** Number of names in each path. */
  readonly depths: Int32Array;
  /** Index of the directory of each path; that of the root is itself. */
  readonly parents: Int32Array;
  /** Index behind the last path below each path. */
  readonly ends: Int32Array;
  /** Letter of the type of each path as `ls` has it, as its code. */
  readonly types: Uint8Array;
  /** Index of the first change of each path; at `count`, the number of all changes. */
  readonly begins: Int32Array;
  /** Layer and kind of each change: `CHANGE_KINDS.length * layer + kind`. */
  readonly codes: Int32Array;
  /** Size of the entry of each change in bytes. */
  readonly bytes: Float64Array;
}

const KINDS = CHANGE_KINDS.length;
const KIND_CODES = Object.fromEntries(
  CHANGE_KINDS.map((kind, code) => [kind, code]),
) as Record<ChangeKind, number>;

/** Index of the layer of a change. */
export function layerOfCode(code: number): number {
  return Math.floor(code / KINDS);
}

/** Kind of a change. */
export function kindOfCode(code: number): ChangeKind {
  return CHANGE_KINDS[code % KINDS] as ChangeKind;
}

/**
 * Reads the paths of a report.
 *
 * @param onChange is called with each change, in the order of their indexes
 */
export function readColumns(
  paths: Iterable<ExploredPath>,
  onChange: (change: PathChange) => void = () => {},
): PathColumns {
  const names: string[] = [""];
  const depths = new GrowingNumbers((length) => new Int32Array(length));
  const parents = new GrowingNumbers((length) => new Int32Array(length));
  const types = new GrowingNumbers((length) => new Uint8Array(length));
  const begins = new GrowingNumbers((length) => new Int32Array(length));
  const codes = new GrowingNumbers((length) => new Int32Array(length));
  const bytes = new GrowingNumbers((length) => new Float64Array(length));
  depths.push(0);
  parents.push(0);
  types.push(letterOf("directory"));
  begins.push(0);
  /** The last path of each depth. */
  const above = [0];
  for (const { name, depth, changes } of paths) {
    above[depth] = names.length;
    parents.push(above[depth - 1] as number);
    names.push(escapeForTerminal(name));
    depths.push(depth);
    types.push(letterOf(changes.at(-1)?.node.type ?? "directory"));
    begins.push(codes.length);
    for (const change of changes) {
      codes.push(KINDS * change.layer + KIND_CODES[change.kind]);
      bytes.push(change.bytes);
      onChange(change);
    }
  }
  begins.push(codes.length);
  return {
    count: names.length,
    names,
    depths: depths.values,
    parents: parents.values,
    ends: endsOf(parents.values),
    types: types.values,
    begins: begins.values,
    codes: codes.values,
    bytes: bytes.values,
  };
}

/** Index behind the last path below each path. */
function endsOf(parents: Int32Array): Int32Array {
  const ends = new Int32Array(parents.length);
  for (let at = parents.length - 1; at >= 0; at--) {
    if (ends[at] === 0) ends[at] = at + 1;
    const parent = parents[at] as number;
    // Of the entries of a directory, the last comes first here.
    if (ends[parent] === 0) ends[parent] = ends[at] as number;
  }
  return ends;
}

function letterOf(type: keyof typeof TYPE_LETTERS): number {
  return TYPE_LETTERS[type].charCodeAt(0);
}
