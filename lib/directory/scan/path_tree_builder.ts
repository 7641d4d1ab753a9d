import type { ByteString } from "../../bytes/mod.ts";
import { mapKey, parentPath } from "../../tree/internal.ts";
import {
  type DirectoryNode,
  IMPLIED,
  type Node,
  type NodeId,
  TreeBuilder,
} from "../../tree/mod.ts";
import { nameOf } from "./open_scanned.ts";

/** Builds a layer tree from paths, given in any order. Adds missing parents of a path. */
export class PathTreeBuilder {
  readonly builder: TreeBuilder = new TreeBuilder({ kind: "layer" });
  readonly #directories = new Map<ByteString, NodeId>([["" as ByteString, 0]]);
  readonly #onTheWay: (path: ByteString) => DirectoryNode;

  /**
   * `onTheWay` returns the node of a parent that is added because it was missing. Default: an
   * implied directory.
   */
  constructor(onTheWay: (path: ByteString) => DirectoryNode = () => IMPLIED) {
    this.#onTheWay = onTheWay;
  }

  /** Puts a directory. A directory that was added as a missing parent keeps its entries. */
  directory(path: ByteString, node: DirectoryNode): void {
    if (path === "") return this.builder.update(this.builder.root, node);
    const parent = this.#parent(path);
    this.#directories.set(mapKey(path), this.builder.put(parent, nameOf(path), node));
  }

  /** Puts a node that is not a directory. */
  leaf(path: ByteString, node: Exclude<Node, DirectoryNode>): NodeId {
    return this.builder.put(this.#parent(path), nameOf(path), node);
  }

  /** Adds a hard link to a node. */
  link(path: ByteString, target: NodeId): void {
    this.builder.link(this.#parent(path), nameOf(path), target);
  }

  #parent(path: ByteString): NodeId {
    const directory = parentPath(path);
    const known = this.#directories.get(mapKey(directory));
    if (known !== undefined) return known;
    // Uses a loop, because a tree may be too deep for recursion.
    const missing: ByteString[] = [];
    let at = directory;
    let id = this.#directories.get(mapKey(at));
    for (; id === undefined; id = this.#directories.get(mapKey(at))) {
      missing.push(at);
      at = parentPath(at);
    }
    for (const path of missing.reverse()) {
      id = this.builder.put(id, nameOf(path), this.#onTheWay(path));
      this.#directories.set(mapKey(path), id);
    }
    return id;
  }
}
