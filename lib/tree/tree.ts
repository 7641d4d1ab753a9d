import type { ByteString } from "../bytes/mod.ts";
import type { TreeDigest } from "../digest/mod.ts";
import type { Node } from "./node.ts";

/**
 * The kind of a tree: a `"layer"` tree holds the changes of one layer, a `"root"` tree the whole
 * file system of a chain.
 */
export type TreeKind = "layer" | "root";

/**
 * An immutable, content-addressed tree of files. Only this library can make it; other objects of
 * this shape are refused.
 */
export interface Tree {
  /** The kind: only a layer tree can hold whiteouts, opaque and implied directories. */
  readonly kind: TreeKind;
  /** The identity of the tree. It covers names, types, attributes and content, but not locators. */
  readonly digest: TreeDigest;
  /** Number of entries at any depth, without the root. */
  readonly count: number;
}

/** An entry of a directory. */
export interface NamedNode {
  /** Name in its directory. */
  readonly name: ByteString;
  /** The node with that name. */
  readonly node: Node;
}

/** An entry with its place in the tree. */
export interface WalkEntry extends NamedNode {
  /** Path from the root, without leading slash. */
  readonly path: ByteString;
  /** Number of names in the path: 1 for the entries of the root directory. */
  readonly depth: number;
}
