import { type ByteString, escapeForTerminal } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import type { DirectoryNode, Node } from "./node.ts";
import type { Block } from "./packed/block.ts";
import { findRow, RowCursor, type RowRef } from "./packed/directory_reader.ts";
import { nodeAt } from "./packed/node_codec.ts";
import { packed } from "./packed/packed_tree.ts";
import { Row } from "./packed/rows.ts";
import { splitPath } from "./path.ts";
import type { NamedNode, Tree } from "./tree.ts";

/**
 * Finds the row of a path, given as names. Without names it finds the root. Symbolic links are not
 * followed.
 */
function findPath(tree: Tree, names: readonly ByteString[]): RowRef | undefined {
  let at: RowRef = { leaf: packed(tree).root(), i: 0 };
  for (const name of names) {
    if (!at.leaf.isDirectory(at.i)) return undefined;
    const directory = at.leaf.child(at.i);
    const found = directory === null ? undefined : findRow(directory, name);
    if (found === undefined) return undefined;
    at = found;
  }
  return at;
}

/** The root directory as a node: its attributes, without its entries. */
export function rootOf(tree: Tree): DirectoryNode {
  return nodeAt(packed(tree).root(), 0) as DirectoryNode;
}

/** The row of a path; `undefined` when there is none. Symbolic links are not followed. */
export function rowAt(tree: Tree, path: ByteString): Row | undefined {
  const at = findPath(tree, splitPath(path));
  return at === undefined ? undefined : new Row(at);
}

/**
 * The node at a path; `undefined` when there is none. Symbolic links are not followed, neither at
 * the end of the path nor inside it. `""` and `"/"` are the root.
 *
 * @throws {VarveError} `E_FORMAT` or `E_DIGEST` when a stored tree is damaged
 */
export function lookup(tree: Tree, path: ByteString): Node | undefined {
  const row = findPath(tree, splitPath(path));
  return row === undefined ? undefined : nodeAt(row.leaf, row.i);
}

/**
 * The block with the entries of a directory; `null` when the directory is empty.
 *
 * @throws {VarveError} `E_NOT_FOUND` when the path does not exist, `E_NOT_DIR` when it is not a
 * directory
 */
export function openDirectory(tree: Tree, path: ByteString): Block | null {
  const row = findPath(tree, splitPath(path));
  const subject = escapeForTerminal(path);
  if (row === undefined) {
    throw new VarveError("E_NOT_FOUND", `Cannot list ${subject}: no such directory`, { subject });
  }
  if (!row.leaf.isDirectory(row.i)) {
    throw new VarveError("E_NOT_DIR", `Cannot list ${subject}: not a directory`, { subject });
  }
  return row.leaf.child(row.i);
}

/**
 * The entries of a directory, sorted by the bytes of their names.
 *
 * @throws {VarveError} `E_NOT_FOUND` when the path does not exist, `E_NOT_DIR` when it is not a
 * directory; this call itself throws them, before the iteration begins
 */
export function list(tree: Tree, path: ByteString): Iterable<NamedNode> {
  const directory = openDirectory(tree, path);
  return {
    *[Symbol.iterator](): Iterator<NamedNode> {
      if (directory === null) return;
      for (const rows = new RowCursor(directory); rows.valid(); rows.i++) {
        yield { name: rows.leaf.name(rows.i), node: nodeAt(rows.leaf, rows.i) };
      }
    },
  };
}
