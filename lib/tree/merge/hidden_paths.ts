import type { ByteString } from "../../bytes/mod.ts";
import { openDirectory } from "../lookup.ts";
import type { Node } from "../node.ts";
import type { Block } from "../packed/block.ts";
import { findRow, type RowRef } from "../packed/directory_reader.ts";
import { F_OPAQUE } from "../packed/format.ts";
import { nodeAt } from "../packed/node_codec.ts";
import type { PackedTree } from "../packed/packed_tree.ts";
import { parentPath, splitPath } from "../path.ts";

/**
 * Tells which entries of a tree the trees above it hide. It remembers the last directory, because
 * paths mostly come in the order of a tree, and may be thousands of levels deep.
 */
export class HiddenPaths {
  readonly #above: readonly PackedTree[];
  #parent: string | null = null;
  /** Whether a tree above hides all of the directory. */
  #hidesAll = false;
  /** The directory in the trees above that have it. */
  #directories: Block[] = [];

  /** `rank` is the number of the tree in `trees`, topmost first. */
  constructor(trees: readonly PackedTree[], rank: number) {
    this.#above = trees.slice(0, rank);
  }

  /** Whether the entry at `path` is hidden. It must not be a directory. */
  has(path: ByteString): boolean {
    const parent = parentPath(path);
    if (parent !== this.#parent) this.#enter(parent);
    const name = path.slice(path.lastIndexOf("/") + 1) as ByteString;
    return this.#hidesAll ||
      this.#directories.some((directory) => findRow(directory, name) !== undefined);
  }

  #enter(parent: ByteString): void {
    this.#parent = parent;
    this.#hidesAll = false;
    this.#directories = [];
    const names = splitPath(parent);
    for (const tree of this.#above) {
      const found = directoryIn(tree, names);
      if (found === "hides") {
        this.#hidesAll = true;
        return;
      }
      if (found !== null) this.#directories.push(found);
    }
  }
}

/** The nodes of a tree by path. It remembers the last directory, as {@linkcode HiddenPaths} does. */
export class NodesByPath {
  readonly #tree: PackedTree;
  #parent: string | null = null;
  #directory: Block | null = null;

  constructor(tree: PackedTree) {
    this.#tree = tree;
  }

  /** The node at a path that exists. @throws {VarveError} when its directory does not exist */
  at(path: ByteString): Node {
    const parent = parentPath(path);
    if (parent !== this.#parent) {
      this.#directory = openDirectory(this.#tree, parent);
      this.#parent = parent;
    }
    const name = path.slice(path.lastIndexOf("/") + 1) as ByteString;
    const { leaf, i } = findRow(this.#directory as Block, name) as RowRef;
    return nodeAt(leaf, i);
  }
}

/**
 * The entries of a directory in a tree; null when there are none. `"hides"` means that the tree has
 * something on the way that hides the directories of lower trees.
 */
function directoryIn(tree: PackedTree, names: readonly ByteString[]): Block | null | "hides" {
  let block = tree.root();
  let row = 0;
  for (let i = 0;; i++) {
    if (!block.isDirectory(row) || (block.flags(row) & F_OPAQUE) !== 0) return "hides";
    const directory = block.child(row);
    const name = names[i];
    if (directory === null || name === undefined) return directory;
    const found = findRow(directory, name);
    if (found === undefined) return null;
    block = found.leaf;
    row = found.i;
  }
}
