import type { ByteString } from "../../bytes/mod.ts";
import { lookup } from "../lookup.ts";
import { mapKey } from "../map_key.ts";
import type { Node } from "../node.ts";
import { RESULT_WORDS } from "../packed/block_writer.ts";
import type { RowRef } from "../packed/directory_reader.ts";
import { DirectoryWriter } from "../packed/directory_writer.ts";
import { F_GROUP, F_IMPLIED } from "../packed/format.ts";
import { collectGroups, findMembers } from "../packed/link_groups.ts";
import { nodeAt } from "../packed/node_codec.ts";
import { writeNode } from "../packed/node_writer.ts";
import { packed, type PackedTree, sealTree } from "../packed/packed_tree.ts";
import { SegmentWriter } from "../packed/segment_writer.ts";
import type { Tree } from "../tree.ts";
import { editWithoutRelabel } from "./edit_tree.ts";
import { PairCursor, sameAttributes, sameDigest, sameRow } from "./pair_cursor.ts";

/** One path where two trees differ. */
export interface Difference {
  /** The path, without leading slash; empty for the root directory itself. */
  readonly path: ByteString;
  /** The node in the first tree; `undefined` when the path is new. */
  readonly before: Node | undefined;
  /** The node in the second tree; `undefined` when the path is gone. */
  readonly after: Node | undefined;
}

/**
 * Yields the paths where two trees differ, in the order of a walk. Subtrees with equal digests are
 * skipped. A directory differs when its own attributes differ. A removed or replaced directory is
 * one difference, without the entries below it; a new directory is followed by all entries below
 * it.
 */
export function* differences(a: Tree, b: Tree): Generator<Difference> {
  const rootA: RowRef = { leaf: packed(a).root(), i: 0 };
  const rootB: RowRef = { leaf: packed(b).root(), i: 0 };
  if (!sameAttributes(rootA, rootB)) {
    yield {
      path: "" as ByteString,
      before: nodeAt(rootA.leaf, 0),
      after: nodeAt(rootB.leaf, 0),
    };
  }
  if (sameDigest(rootA, rootB)) return;
  const stack = [{
    pairs: new PairCursor(rootA.leaf.child(0), rootB.leaf.child(0)),
    prefix: "",
  }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const pair = top.pairs.next();
    if (pair === null) {
      stack.pop();
      continue;
    }
    const { a, b } = pair;
    const named = a ?? b as RowRef;
    const path = top.prefix + named.leaf.name(named.i) as ByteString;
    const inA = a !== null && a.leaf.isDirectory(a.i);
    const inB = b !== null && b.leaf.isDirectory(b.i);
    const same = a !== null && b !== null &&
      (inA && inB ? sameAttributes(a, b) : inA === inB && sameRow(a, b));
    if (!same) {
      yield {
        path,
        before: a === null ? undefined : nodeAt(a.leaf, a.i),
        after: b === null ? undefined : nodeAt(b.leaf, b.i),
      };
    }
    if (b === null || !inB || a !== null && inA && sameDigest(a, b)) continue;
    const before = a !== null && inA ? a.leaf.child(a.i) : null;
    stack.push({ pairs: new PairCursor(before, b.leaf.child(b.i)), prefix: path + "/" });
  }
}

/**
 * Makes the layer tree that turns `a` into `b`; both are root trees. The cost depends on the size
 * of the difference. The layer shares new subtrees with `b`. The layer holds the directories on the
 * path to a change, with their attributes. When a name of a link group changes, the layer holds all
 * names of the group, because a layer can only link to files that it holds itself.
 */
export function differenceTree(a: Tree, b: Tree): Tree {
  const differ = new Differ();
  const layer = differ.run(packed(a), packed(b));
  if (differ.groups.size === 0) return layer;
  const missing = new Map<ByteString, Node>();
  for (const paths of findMembers(packed(b), differ.groups).values()) {
    for (const path of paths) {
      // Adds the directories on the path that the layer lacks.
      for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
        const parent = path.slice(0, end) as ByteString;
        if (missing.has(parent) || lookup(layer, parent) !== undefined) continue;
        missing.set(parent, lookup(b, parent) as Node);
      }
      if (lookup(layer, path) === undefined) missing.set(path, lookup(b, path) as Node);
    }
  }
  return missing.size === 0 ? layer : editWithoutRelabel(layer, missing);
}

interface Frame {
  readonly writer: DirectoryWriter;
  readonly pairs: PairCursor;
  readonly a: RowRef;
  readonly b: RowRef;
}

class Differ {
  /** The link groups of the second tree that have a name in the layer. */
  readonly groups = new Set<ByteString>();
  readonly #segment = new SegmentWriter();
  readonly #writers: DirectoryWriter[] = [];
  readonly #child = new Uint32Array(RESULT_WORDS);
  readonly #stack: Frame[] = [];

  run(a: PackedTree, b: PackedTree): PackedTree {
    const child = this.#child;
    const rootA = { leaf: a.root(), i: 0 };
    const rootB = { leaf: b.root(), i: 0 };
    this.#push(rootA, rootB);
    for (let top = this.#stack.at(-1) as Frame;;) {
      if (!sameDigest(top.a, top.b)) {
        const before = this.#stack.length;
        this.#advance(top);
        if (this.#stack.length > before) {
          top = this.#stack.at(-1) as Frame;
          continue;
        }
      }
      this.#stack.pop();
      const isEmpty = top.writer.isEmpty;
      top.writer.finish(child, 0);
      const parent = this.#stack.at(-1);
      if (parent === undefined) break;
      if (!isEmpty || !sameAttributes(top.a, top.b)) this.#directory(parent.writer, top.b, 0);
      top = parent;
    }
    const row = this.#writer(0);
    if (sameAttributes(rootA, rootB)) row.directory(rootB.leaf, 0, null, 0, F_IMPLIED, child);
    else this.#directory(row, rootB, 0);
    return sealTree("layer", this.#segment, row);
  }

  #writer(depth: number): DirectoryWriter {
    return this.#writers[depth] ??= new DirectoryWriter(this.#segment);
  }

  #push(a: RowRef, b: RowRef): void {
    this.#stack.push({
      writer: this.#writer(this.#stack.length + 1),
      pairs: new PairCursor(a.leaf.child(a.i), b.leaf.child(b.i)),
      a,
      b,
    });
  }

  #directory(writer: DirectoryWriter, b: RowRef, flags: number): void {
    writer.directory(b.leaf, b.i, b.leaf, b.i, flags, this.#child);
  }

  /**
   * Compares the next entries of a directory. Stops at its end, or where two directories in it must
   * be compared first.
   */
  #advance({ writer, pairs }: Frame): void {
    for (let pair = pairs.next(); pair !== null; pair = pairs.next()) {
      const { a, b } = pair;
      if (b === null) {
        const gone = a as RowRef;
        const name = gone.leaf.name(gone.i);
        writeNode(writer, this.#segment, name, { type: "whiteout" }, null, 0, this.#child);
        continue;
      }
      const bothDirectories = a !== null && a.leaf.isDirectory(a.i) && b.leaf.isDirectory(b.i);
      if (a !== null && bothDirectories) {
        if (sameDigest(a, b) && sameAttributes(a, b)) continue;
        this.#push(a, b);
        return;
      }
      if (a !== null && a.leaf.isDirectory(a.i) === b.leaf.isDirectory(b.i) && sameRow(a, b)) {
        continue;
      }
      writer.copy(b.leaf, b.i);
      if (b.leaf.isDirectory(b.i)) {
        if (b.leaf.linkedBelow(b.i) > 0) collectGroups(b.leaf.child(b.i), this.groups);
      } else if ((b.leaf.flags(b.i) & F_GROUP) !== 0) {
        this.groups.add(mapKey(b.leaf.group(b.i)));
      }
    }
  }
}
