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

/** Packs paths, in the order of a walk. */
export class ColumnsBuilder {
  readonly #names: string[] = [""];
  readonly #depths = new GrowingNumbers((length) => new Int32Array(length));
  readonly #parents = new GrowingNumbers((length) => new Int32Array(length));
  readonly #types = new GrowingNumbers((length) => new Uint8Array(length));
  readonly #begins = new GrowingNumbers((length) => new Int32Array(length));
  readonly #codes = new GrowingNumbers((length) => new Int32Array(length));
  readonly #bytes = new GrowingNumbers((length) => new Float64Array(length));
  /** The last path of each depth. */
  readonly #above = [0];

  /** Begins with the root. */
  constructor() {
    this.#depths.push(0);
    this.#parents.push(0);
    this.#types.push(letterOf("directory"));
    this.#begins.push(0);
  }

  /** Takes the next path. One that no layer shows is left out. */
  add({ name, depth, changes }: ExploredPath): void {
    const last = changes.at(-1);
    if (last === undefined) return;
    this.#above[depth] = this.#names.length;
    this.#parents.push(this.#above[depth - 1] as number);
    this.#names.push(escapeForTerminal(name));
    this.#depths.push(depth);
    this.#types.push(letterOf(last.node.type));
    this.#begins.push(this.#codes.length);
    for (const change of changes) {
      this.#codes.push(KINDS * change.layer + KIND_CODES[change.kind]);
      this.#bytes.push(change.bytes);
    }
  }

  /** To call after the last path. */
  finish(): PathColumns {
    this.#begins.push(this.#codes.length);
    const parents = this.#parents.values;
    return {
      count: this.#names.length,
      names: this.#names,
      depths: this.#depths.values,
      parents,
      ends: endsOf(parents),
      types: this.#types.values,
      begins: this.#begins.values,
      codes: this.#codes.values,
      bytes: this.#bytes.values,
    };
  }
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
  const builder = new ColumnsBuilder();
  for (const path of paths) {
    builder.add(path);
    for (const change of path.changes) onChange(change);
  }
  return builder.finish();
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
