import { type ByteString, S_IFLNK } from "../../bytes/mod.ts";
import { mapKey } from "../map_key.ts";
import { type Block, compareRows } from "../packed/block.ts";
import { RESULT_WORDS } from "../packed/block_writer.ts";
import { DirectoryWriter, writeReference } from "../packed/directory_writer.ts";
import {
  ANY_MARK,
  F_DIGEST,
  F_GROUP,
  F_IMPLIED,
  F_MARKED,
  F_OPAQUE,
  F_WHITEOUT,
  wordsOf,
} from "../packed/format.ts";
import { collectGroups } from "../packed/link_groups.ts";
import { type PackedTree, sealTree } from "../packed/packed_tree.ts";
import { SegmentWriter } from "../packed/segment_writer.ts";
import { finishSteps, type Steps } from "../steps.ts";
import type { TreeKind } from "../tree.ts";
import { hasSameName, rowsBefore, RowStream, RowStreamQueue } from "./row_stream.ts";

/** Number of names, runs of rows and directories that are merged in one step. */
const STEP = 2048;

/** A row of one of the merged trees. */
export interface MergeRow {
  /** The leaf that holds the row. */
  readonly leaf: Block;
  /** Index of the row in the leaf. */
  readonly i: number;
  /** Rank of the row's tree; 0 is the topmost tree. */
  readonly rank: number;
}

/** How the rows of one name are merged when the result is a directory. */
export interface DirectoryPlan {
  /** The row whose attributes the result gets; null for the default attributes. */
  readonly attributes: { readonly leaf: Block; readonly i: number } | null;
  /** `F_OPAQUE` and `F_IMPLIED` of the result. */
  readonly flags: number;
  /**
   * Number of rows, counted from the topmost, whose entries are merged. The rows below are hidden.
   */
  readonly contributors: number;
  /** The scope in which the entries of the directory are merged. */
  readonly scope: Scope;
}

/**
 * State that a merged directory inherits from its parent directories. A tree *hides* the trees of
 * higher rank at a path where it has an opaque directory, or a node that is not a directory.
 */
export interface Scope {
  /**
   * Whether the result has to hide entries of layers that are not part of this merge. If so,
   * whiteouts are kept.
   */
  readonly open: boolean;
  /**
   * Rank of the tree that hides others in the outermost directory on the path where a tree does so;
   * −1 for none.
   */
  readonly outerHider: number;
  /** Rank of the tree that hides others in the innermost such directory; −1 for none. */
  readonly innerHider: number;
  /**
   * Ranks of the trees whose directory lies directly over a symbolic link of a lower tree, at any
   * directory on the path.
   */
  readonly overLink: readonly number[];
}

/** The rules of a merge: how rows of one name become one row. */
export interface MergeRules {
  /** Kind of the resulting tree. */
  readonly kind: TreeKind;
  /** The value of {@linkcode Scope.open} at the root. */
  readonly open: boolean;
  /**
   * Decides how to merge the rows of one name: `"copy"` takes the topmost row unchanged, `"drop"`
   * removes the name, `"below"` takes the second row unchanged, and a plan makes a directory.
   *
   * @param rows the rows of the name, topmost first
   * @param path returns the path of the name
   */
  judge(
    rows: readonly MergeRow[],
    scope: Scope,
    path: () => ByteString,
  ): DirectoryPlan | "copy" | "drop" | "below";
  /**
   * Whether a subtree that only one tree has can be shared unchanged, although it holds marked
   * entries.
   */
  keepsMarks(rank: number, scope: Scope): boolean;
}

/** The link groups that lost a name in a merge, by the rank of their tree. */
export type ShrunkGroups = Map<number, Set<ByteString>>;

interface Frame {
  readonly writer: DirectoryWriter;
  readonly queue: RowStreamQueue;
  readonly scope: Scope;
  /** The row whose name the merged directory gets; null for the root block. */
  readonly named: MergeRow | null;
  readonly plan: DirectoryPlan | null;
}

/** Whether a row is a symbolic link. */
export function isLink(row: MergeRow): boolean {
  return row.leaf.type(row.i) === S_IFLNK;
}

/**
 * Merges trees, topmost first. Subtrees that only one tree has are shared, not copied.
 *
 * @param shrunk receives the link groups that lose names; null when the caller does not need them
 */
export function mergeTrees(
  trees: readonly PackedTree[],
  rules: MergeRules,
  shrunk: ShrunkGroups | null,
): PackedTree {
  return finishSteps(mergeSteps(trees, rules, shrunk));
}

/** Does the same as {@linkcode mergeTrees}, in steps. */
export function mergeSteps(
  trees: readonly PackedTree[],
  rules: MergeRules,
  shrunk: ShrunkGroups | null,
): Steps<PackedTree> {
  return new Merger(rules, shrunk).merge(trees);
}

/** Takes the rows of the least name from a queue, topmost first. */
export function takeRows(queue: RowStreamQueue): MergeRow[] {
  const rows: MergeRow[] = [];
  const moved: RowStream[] = [];
  let top: MergeRow;
  do {
    const stream = queue.pop();
    rows.push({ leaf: stream.load(), i: stream.i, rank: stream.rank });
    moved.push(stream);
    top = rows[0] as MergeRow;
  } while (queue.first !== undefined && hasSameName(top.leaf, top.i, queue.first));
  for (let i = moved.length - 1; i >= 0; i--) {
    const stream = moved[i] as RowStream;
    if (stream.advance()) queue.push(stream);
  }
  return rows;
}

class Merger {
  readonly #rules: MergeRules;
  readonly #shrunk: ShrunkGroups | null;
  readonly #segment = new SegmentWriter();
  /**
   * One frame for each directory on the path. It is a stack, not recursion, because hostile input
   * can make a tree of any depth.
   */
  readonly #stack: Frame[] = [];
  readonly #writers: DirectoryWriter[] = [];
  /** Number of names, runs of rows and directories that were merged since the last pause. */
  #work = 0;
  readonly #child = new Uint32Array(RESULT_WORDS);

  constructor(rules: MergeRules, shrunk: ShrunkGroups | null) {
    this.#rules = rules;
    this.#shrunk = shrunk;
  }

  *merge(trees: readonly PackedTree[]): Steps<PackedTree> {
    const root = this.#push(
      [],
      { open: this.#rules.open, outerHider: -1, innerHider: -1, overLink: [] },
      null,
      null,
    );
    this.#rows(root, trees.map((tree, rank) => ({ leaf: tree.root(), i: 0, rank })));
    while (this.#stack.length > 1) {
      this.#step(this.#stack.at(-1) as Frame);
      if (this.#work < STEP) continue;
      this.#work = 0;
      yield;
    }
    return sealTree(this.#rules.kind, this.#segment, root.writer);
  }

  #push(
    streams: readonly RowStream[],
    scope: Scope,
    named: MergeRow | null,
    plan: DirectoryPlan | null,
  ): Frame {
    const depth = this.#stack.length;
    const writer = this.#writers[depth] ??= new DirectoryWriter(this.#segment);
    const queue = new RowStreamQueue();
    // Begin with the lowest tree, so that each stream is inserted at the end of the array.
    for (let i = streams.length - 1; i >= 0; i--) queue.push(streams[i] as RowStream);
    const frame = { writer, queue, scope, named, plan };
    this.#stack.push(frame);
    return frame;
  }

  /**
   * Merges the next entries of a directory. Stops at its end, or where a directory in it must be
   * merged first, or when it is time for a pause.
   */
  #step(frame: Frame): void {
    const { queue, writer } = frame;
    for (let first = queue.first; first !== undefined; first = queue.first) {
      if (++this.#work > STEP) return;
      if (first.leaf === null) {
        if (this.#takeLeaves(frame, first)) continue;
        first.load();
      }
      if (this.#takeRun(frame, first)) continue;
      const rows = takeRows(queue);
      if (this.#rows(frame, rows)) return;
    }
    this.#work++;
    this.#stack.pop();
    const parent = this.#stack.at(-1) as Frame;
    const { named, plan } = frame as { named: MergeRow; plan: DirectoryPlan };
    writer.finish(this.#child, 0);
    this.#directory(parent, named, plan);
  }

  /**
   * Shares whole leaves, if no other tree has a name in their range, and if a leaf begins here in
   * the result too.
   */
  #takeLeaves({ queue, writer, scope }: Frame, stream: RowStream): boolean {
    if (!writer.atCut) return false;
    const index = stream.index as Block;
    const from = stream.at;
    const second = queue.second;
    let end = index.count;
    if (second !== undefined) {
      const { holder, place } = second;
      end = rowsBefore(index, from + 1, holder, place);
      // A leaf reaches up to the first name of the next leaf, so the leaf before `end` may overlap.
      // The last leaf is not shared either: it ends with its directory, and more names follow here,
      // so the format may not end a leaf at its last name.
      if (end === index.count || compareRows(index, end, holder, place) !== 0) end--;
    }
    const takesMarked = this.#rules.keepsMarks(stream.rank, scope);
    let at = from;
    for (; at < end && (takesMarked || (index.flags(at) & F_MARKED) === 0); at++) {
      writer.leaf(index, at);
    }
    if (at === from) return false;
    queue.pop();
    if (stream.goTo(at)) queue.push(stream);
    return true;
  }

  /** Copies the rows of a leaf that precede the names of all other trees. */
  #takeRun({ queue, writer, scope }: Frame, stream: RowStream): boolean {
    const leaf = stream.leaf as Block;
    const from = stream.i;
    const second = queue.second;
    const end = second === undefined
      ? leaf.count
      : rowsBefore(leaf, from, second.holder, second.place);
    const takesMarked = this.#rules.keepsMarks(stream.rank, scope);
    let i = from;
    for (; i < end && (takesMarked || (leaf.flags(i) & ANY_MARK) === 0); i++) writer.copy(leaf, i);
    if (i === from) return false;
    queue.pop();
    stream.i = i;
    if (i < leaf.count || stream.skipLeaf()) queue.push(stream);
    return true;
  }

  /**
   * Merges the rows of one name. Returns true when the entries of a directory must be merged first.
   */
  #rows(frame: Frame, rows: readonly MergeRow[]): boolean {
    const top = rows[0] as MergeRow;
    const verdict = this.#rules.judge(rows, frame.scope, () => this.#path(top));
    if (typeof verdict === "string") {
      if (verdict === "copy") {
        frame.writer.copy(top.leaf, top.i);
        this.#hide(rows, 1);
      } else if (verdict === "drop") {
        this.#hide(rows, 1);
      } else {
        const below = rows[1] as MergeRow;
        frame.writer.copy(below.leaf, below.i);
      }
      return false;
    }
    this.#hide(rows, verdict.contributors);
    return this.#begin(frame, rows, verdict);
  }

  #begin(frame: Frame, rows: readonly MergeRow[], plan: DirectoryPlan): boolean {
    const top = rows[0] as MergeRow;
    const full: MergeRow[] = [];
    for (let i = 0; i < plan.contributors; i++) {
      const row = rows[i] as MergeRow;
      if (row.leaf.flags(row.i) & F_DIGEST) full.push(row);
    }
    const first = full[0];
    if (first === undefined) {
      this.#child.fill(0);
    } else if (this.#isWhole(first, full, plan.scope)) {
      writeReference(first.leaf, first.i, this.#segment, this.#child);
    } else {
      const streams = full.map(({ leaf, i, rank }) => new RowStream(rank, leaf.child(i) as Block));
      this.#push(streams, plan.scope, top, plan);
      return true;
    }
    this.#directory(frame, top, plan);
    return false;
  }

  /** Whether the merge of these directories has the same entries as the first directory. */
  #isWhole(first: MergeRow, full: readonly MergeRow[], scope: Scope): boolean {
    const marked = (first.leaf.flags(first.i) & F_MARKED) !== 0;
    if (full.length === 1) return !marked || this.#rules.keepsMarks(first.rank, scope);
    // Hidden names leave their link groups, even when the same names are visible in a tree above.
    if (marked || first.leaf.linkedBelow(first.i) > 0) return false;
    const digest = first.leaf.heapAt(first.i) + wordsOf(first.leaf.nameLength(first.i));
    return full.every(({ leaf, i }) => {
      const other = leaf.heapAt(i) + wordsOf(leaf.nameLength(i));
      for (let k = 0; k < 8; k++) {
        if (leaf.u32[other + k] !== first.leaf.u32[digest + k]) return false;
      }
      return true;
    });
  }

  #directory(frame: Frame, named: MergeRow, plan: DirectoryPlan): void {
    const { attributes, flags } = plan;
    frame.writer.directory(
      named.leaf,
      named.i,
      attributes?.leaf ?? null,
      attributes?.i ?? 0,
      flags,
      this.#child,
    );
  }

  /** Records the link groups that lose the names of hidden rows. */
  #hide(rows: readonly MergeRow[], from: number): void {
    const shrunk = this.#shrunk;
    if (shrunk === null) return;
    for (let k = from; k < rows.length; k++) {
      const { leaf, i, rank } = rows[k] as MergeRow;
      const isDirectory = leaf.isDirectory(i);
      if (isDirectory ? leaf.linkedBelow(i) === 0 : (leaf.flags(i) & F_GROUP) === 0) continue;
      let groups = shrunk.get(rank);
      if (groups === undefined) shrunk.set(rank, groups = new Set());
      if (isDirectory) collectGroups(leaf.child(i), groups);
      else groups.add(mapKey(leaf.group(i)));
    }
  }

  #path(row: MergeRow): ByteString {
    let path: string = row.leaf.name(row.i);
    for (let depth = this.#stack.length - 1; depth > 0; depth--) {
      const named = (this.#stack[depth] as Frame).named as MergeRow;
      const name = named.leaf.name(named.i);
      if (name !== "") path = name + "/" + path;
    }
    return path as ByteString;
  }
}

/** Whether a row is a whiteout. */
export function isWhiteout(row: MergeRow): boolean {
  return (row.leaf.flags(row.i) & F_WHITEOUT) !== 0;
}

/** The flags of a row that a plan can pass on: opaque and implied. */
export function layerFlags(row: MergeRow): number {
  return row.leaf.flags(row.i) & (F_OPAQUE | F_IMPLIED);
}
