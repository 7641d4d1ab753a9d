import type { ByteString } from "../bytes/mod.ts";
import { foldLayers } from "../layer/mod.ts";
import { equalAttributes, withCheckpoints } from "../tree/internal.ts";
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

/** A directory on the path from the root to the current entry of the walk. */
interface Step {
  readonly name: ByteString;
  readonly node: DirectoryNode;
  /** The directory's node in the new tree; `undefined` until it is added. */
  id: NodeId | undefined;
}

/**
 * Makes the tree that corrects the attributes of directories in an overlay of extracted layers.
 *
 * Overlayfs shows a directory with the attributes that the topmost layer gives it. If that layer
 * has no entry for the directory itself (the directory is implied), the extracted directory has
 * invented attributes, and overlayfs shows them instead of the right attributes from a lower layer.
 *
 * The new tree becomes one more lower directory, on top of the others, and corrects the attributes.
 * It holds the root, the directories that overlayfs would show wrong, and their parents. All trees
 * are walked once, side by side.
 *
 * @param layers layer trees, lowest first
 * @param right has the right attributes: the root tree of the layers, or, if they lie on other directories, the tree of
 *   `layersAbove`
 * @param checkpoint called after every few entries; if it throws, the work ends with that error
 */
export function attributeTree(
  layers: readonly Tree[],
  right: Tree = foldLayers(layers),
  checkpoint: () => void = () => {},
): Tree {
  const builder = new TreeBuilder({ kind: "layer" });
  builder.update(builder.root, merged(rootOf(right)));
  const fromTop = layers.toReversed().map((layer) => new Cursor(layer));
  const way: Step[] = [];
  for (const { path, name, node, depth } of withCheckpoints(walk(right), checkpoint)) {
    if (node.type !== "directory") continue;
    way.length = depth - 1;
    way.push({ name, node: merged(node), id: undefined });
    // Overlayfs shows the attributes of the topmost layer that has the path.
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

/** A directory that hides nothing. The lowers below hide what they must. */
function merged(node: DirectoryNode): DirectoryNode {
  return node.opaque ? { ...node, opaque: false } : node;
}

/** Adds the last directory of `way`, and those directories above it that are still missing. */
function add(builder: TreeBuilder, way: readonly Step[]): void {
  let parent = builder.root;
  for (const step of way) {
    step.id ??= builder.put(parent, step.name, step.node);
    parent = step.id;
  }
}

/** A walk through a tree, in step with the walk through another tree. */
class Cursor {
  readonly #entries: Iterator<WalkEntry>;
  #current: WalkEntry | undefined;

  constructor(tree: Tree) {
    this.#entries = walk(tree)[Symbol.iterator]();
    this.#current = this.#next();
  }

  /**
   * The node at a path; `undefined` when the tree has none. Call it with paths in the order of the
   * walk.
   */
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

/**
 * Whether a walk visits `a` before `b`. Paths are compared name by name, so a slash sorts before
 * every byte of a name.
 */
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
