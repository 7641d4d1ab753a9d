// deno-lint-ignore-file no-unused-vars
import type { ByteString } from "../bytes/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import type { DirectoryNode, Extent, Node, NodeType } from "./node.ts";
import type { NamedNode, Tree, TreeKind, WalkEntry } from "./tree.ts";

function later(): never {
  throw new Error("not yet");
}

/** Handle of a node inside one builder; 0 is the root directory. */
export type NodeId = number;
/** Options of a builder. */
export interface TreeBuilderOptions {
  /** What is built. */
  readonly kind: TreeKind;
}
/** A mutable namespace that becomes a tree. */
export class TreeBuilder {
  constructor(options: TreeBuilderOptions) {}
  readonly root: NodeId = 0;
  child(directory: NodeId, name: ByteString): NodeId {
    return later();
  }
  typeOf(id: NodeId): NodeType {
    return later();
  }
  node(id: NodeId): Node {
    return later();
  }
  linkTarget(id: NodeId): ByteString {
    return later();
  }
  parentOf(id: NodeId): NodeId {
    return later();
  }
  isImplied(id: NodeId): boolean {
    return later();
  }
  isOpaque(id: NodeId): boolean {
    return later();
  }
  put(directory: NodeId, name: ByteString, node: Node): NodeId {
    return later();
  }
  link(directory: NodeId, name: ByteString, target: NodeId): NodeId {
    return later();
  }
  update(id: NodeId, node: Node): void {
    return later();
  }
  setOpaque(id: NodeId): void {
    return later();
  }
  content(id: NodeId, digest: Uint8Array | null, extents: readonly Extent[]): void {
    return later();
  }
  remove(directory: NodeId, name: ByteString): boolean {
    return later();
  }
  get count(): number {
    return later();
  }
  finish(source: DiffId | null): Tree {
    return later();
  }
}
export function emptyTree(kind: TreeKind): Tree {
  return later();
}
export function rootOf(tree: Tree): DirectoryNode {
  return later();
}
export function lookup(tree: Tree, path: ByteString): Node | undefined {
  return later();
}
export function resolve(
  tree: Tree,
  path: ByteString,
  options: { readonly followLast?: boolean } = {},
): { readonly path: ByteString; readonly node: Node } | undefined {
  return later();
}
export function list(tree: Tree, path: ByteString): Iterable<NamedNode> {
  return later();
}
export function walk(
  tree: Tree,
  options: { readonly from?: ByteString } = {},
): Iterable<WalkEntry> {
  return later();
}
export function editTree(
  tree: Tree,
  changes: Iterable<readonly [path: ByteString, node: Node | null]>,
): Tree {
  return later();
}
export function encodeTree(tree: Tree): Uint8Array[] {
  return later();
}
export function decodeTree(bytes: Uint8Array): Tree {
  return later();
}
/** Where a stored tree is read from: one synchronous positioned read a block. */
export interface TreeSource {
  /** Length of the file in bytes. */
  readonly size: number;
  /** Reads exactly `length` bytes at `offset`. */
  readSync(offset: number, length: number): Uint8Array;
}
export function openTree(source: TreeSource): Tree {
  return later();
}
export function verifyTree(tree: Tree): void {
  return later();
}
