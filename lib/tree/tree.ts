import type { ByteString } from "../bytes/mod.ts";
import type { TreeDigest } from "../digest/mod.ts";
import type { Node } from "./node.ts";

/** What a tree says: what one layer changes, or the whole file system of a chain. */
export type TreeKind = "layer" | "root";

/** An immutable, content-addressed tree. */
export interface Tree {
  /** Whether whiteouts, opaque and implied directories can occur. */
  readonly kind: TreeKind;
  /** Names the tree: covers all that a node is, but not where its bytes lie. */
  readonly digest: TreeDigest;
  /** Number of entries; the root is not counted. */
  readonly count: number;
}

/** A node and its name in a directory. */
export interface NamedNode {
  /** Name, without slash. */
  readonly name: ByteString;
  /** The node. */
  readonly node: Node;
}

/** A node with its place in a tree. */
export interface WalkEntry extends NamedNode {
  /** Path from the root, without leading slash. */
  readonly path: ByteString;
  /** 1 for the entries of the root directory. */
  readonly depth: number;
}
