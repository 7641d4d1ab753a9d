import type { ByteString } from "../bytes/mod.ts";
import { foldLayers } from "../layer/mod.ts";
import { equalAttributes } from "../tree/internal.ts";
import {
  type DirectoryNode,
  type Node,
  type NodeId,
  rootOf,
  type Tree,
  TreeBuilder,
  walk,
  type WalkEntry,
} from "../tree/mod.ts";

/** A directory on the way to where the walk is. */
interface Step {
  readonly name: ByteString;
  readonly node: DirectoryNode;
  /** Where it is in the tree that is built, once it is. */
  id: NodeId | undefined;
}

/**
 * The root of a chain, and those of its directories whose attributes an overlay
 * of the layers' own directories gets wrong: where the topmost layer that has a
 * directory only implies it, overlayfs shows what that layer makes up instead of
 * the attributes from below.
 *
 * As one topmost lower, this tree puts them right. Parents come along, with
 * their right attributes. It holds directories only. All trees are walked once,
 * side by side.
 *
 * @param layers layer trees, lowest first
 */
export function attributeTree(layers: readonly Tree[]): Tree {
  const right = foldLayers(layers);
  const builder = new TreeBuilder({ kind: "layer" });
  builder.update(builder.root, rootOf(right));
  const fromTop = layers.toReversed().map((layer) => new Cursor(layer));
  const way: Step[] = [];
  for (const { path, name, node, depth } of walk(right)) {
    if (node.type !== "directory") continue;
    way.length = depth - 1;
    way.push({ name, node, id: undefined });
    // What shows is what the topmost layer has.
    let shown: Node | undefined;
    for (const cursor of fromTop) {
      shown = cursor.seek(path);
      if (shown !== undefined) break;
    }
    if (shown?.type === "directory" && shown.implied && !equalAttributes(node, shown)) {
      add(builder, way);
    }
  }
  return builder.finish(null);
}

/** Adds a directory and those on the way to it. */
function add(builder: TreeBuilder, way: readonly Step[]): void {
  let parent = builder.root;
  for (const step of way) {
    step.id ??= builder.put(parent, step.name, step.node);
    parent = step.id;
  }
}

/** A walk that follows another one. */
class Cursor {
  readonly #entries: Iterator<WalkEntry>;
  #current: WalkEntry | undefined;

  constructor(tree: Tree) {
    this.#entries = walk(tree)[Symbol.iterator]();
    this.#current = this.#next();
  }

  /** The node at a path, which is behind those that were sought before. */
  seek(path: ByteString): Node | undefined {
    while (this.#current !== undefined && isBefore(this.#current.path, path)) {
      this.#current = this.#next();
    }
    return this.#current?.path === path ? this.#current.node : undefined;
  }

  #next(): WalkEntry | undefined {
    const { done, value } = this.#entries.next();
    return done ? undefined : value;
  }
}

/** Whether a walk comes to `a` before `b`: by names, so that a slash is less than any byte of one. */
function isBefore(a: ByteString, b: ByteString): boolean {
  if (a === b) return false;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x !== y) return x === SLASH || y !== SLASH && x < y;
  }
  return a.length < b.length;
}

const SLASH = 0x2f;
