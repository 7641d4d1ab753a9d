import type { ByteString } from "../../bytes/mod.ts";
import {
  type DirectoryNode,
  IMPLIED,
  type Node,
  type NodeId,
  TreeBuilder,
} from "../../tree/mod.ts";
import { directoryOf, nameOf } from "./open_scanned.ts";

/** Builds a layer tree by paths; directories on the way are made when something is put below them. */
export class PathTreeBuilder {
  readonly builder: TreeBuilder = new TreeBuilder({ kind: "layer" });
  readonly #directories = new Map<ByteString, NodeId>([["" as ByteString, 0]]);
  readonly #onTheWay: (path: ByteString) => DirectoryNode;

  /** `onTheWay` tells what a directory is that nobody put. */
  constructor(onTheWay: (path: ByteString) => DirectoryNode = () => IMPLIED) {
    this.#onTheWay = onTheWay;
  }

  /** Puts a directory; over one on the way it stays the same. */
  directory(path: ByteString, node: DirectoryNode): void {
    if (path === "") return this.builder.update(this.builder.root, node);
    const parent = this.#parent(path);
    this.#directories.set(path, this.builder.put(parent, nameOf(path), node));
  }

  /** Puts what is no directory. */
  leaf(path: ByteString, node: Exclude<Node, DirectoryNode>): NodeId {
    return this.builder.put(this.#parent(path), nameOf(path), node);
  }

  /** Gives an inode one more name. */
  link(path: ByteString, target: NodeId): void {
    this.builder.link(this.#parent(path), nameOf(path), target);
  }

  #parent(path: ByteString): NodeId {
    const directory = directoryOf(path);
    const known = this.#directories.get(directory);
    if (known !== undefined) return known;
    // Not by recursion: a tree may be deep.
    const missing: ByteString[] = [];
    let at = directory;
    let id = this.#directories.get(at);
    for (; id === undefined; id = this.#directories.get(at)) {
      missing.push(at);
      at = directoryOf(at);
    }
    for (const path of missing.reverse()) {
      id = this.builder.put(id, nameOf(path), this.#onTheWay(path));
      this.#directories.set(path, id);
    }
    return id;
  }
}
