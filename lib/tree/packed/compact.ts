import { S_IFREG } from "../../bytes/mod.ts";
import type { Block } from "./block.ts";
import { copyWords, sumWords } from "./block_writer.ts";
import { SPARSE } from "./format.ts";
import { PackedTree } from "./packed_tree.ts";
import { finishSteps, type Steps } from "../steps.ts";
import { SegmentWriter } from "./segment_writer.ts";

/** Number of blocks that are copied in one step. */
const STEP = 1024;

/** Bytes of garbage up to which a copy is never worth its cost: 4 MiB. */
const SLACK_BYTES = 1 << 22;

/**
 * Ends a merge. It estimates how much memory the result uses and how much its segments retain, and
 * copies the result to one new segment when more than half is garbage. So a long chain of edits
 * costs only an occasional copy, and needs at most about twice the memory of the tree.
 */
export function compactIfWasteful(tree: PackedTree, from: readonly PackedTree[]): PackedTree {
  return finishSteps(compactWasteful(tree, from));
}

/** Does the same as {@linkcode compactIfWasteful}, in steps. */
export function* compactWasteful(
  tree: PackedTree,
  from: readonly PackedTree[],
): Steps<PackedTree> {
  let live = 0;
  let entries = 0;
  for (const input of from) {
    live += input.live;
    entries += input.count + 1;
    tree.retained += input.retained;
  }
  tree.live = Math.max(tree.live, live * (tree.count + 1) / entries);
  return tree.retained > 2 * tree.live + SLACK_BYTES ? yield* compact(tree) : tree;
}

/** Copies a tree to a new segment, without the blocks that nothing refers to any more. */
export function compactTree(tree: PackedTree): PackedTree {
  return finishSteps(compact(tree));
}

function* compact(tree: PackedTree): Steps<PackedTree> {
  const segment = new SegmentWriter();
  const { arena } = segment;
  const address = arena.alloc(tree.reference.length);
  // Blocks to copy, each with its new address. A child gets its address when its parent is copied.
  const todo: { block: Block; address: number }[] = [{ block: tree.root(), address }];
  let copied = 0;
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (++copied % STEP === 0) yield;
    const { block } = next;
    const words = block.length >>> 2;
    const start = arena.word(next.address);
    copyWords(block.u32, block.at, arena.page(next.address).u32, start, words);
    const shift = start - block.at;
    for (let i = 0; i < block.count; i++) {
      const side = block.side(i) + shift;
      const first = block.u32[block.side(i)] as number;
      if (block.isIndex || block.isDirectory(i)) {
        const child = block.child(i);
        if (child === null) continue;
        const to = arena.alloc(child.length);
        const { u32 } = arena.page(next.address);
        u32[side] = 0;
        u32[side + 1] = to;
        todo.push({ block: child, address: to });
      } else if (block.type(i) === S_IFREG) {
        const source = segment.mapSource(block.segment, first & ~SPARSE);
        arena.page(next.address).u32[side] = (source | (first & SPARSE)) >>> 0;
      }
    }
    const { u32 } = arena.page(next.address);
    u32[start + 2] = sumWords(u32, block.sides + shift, start + words);
  }
  const { digest } = tree.reference;
  return new PackedTree(tree.kind, segment.seal(), address, tree.reference.length, digest);
}
