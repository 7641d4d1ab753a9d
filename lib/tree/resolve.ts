import { type ByteString, escapeForTerminal } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import type { Node, SymlinkNode } from "./node.ts";
import { findRow, type RowRef } from "./packed/directory_reader.ts";
import { nodeAt } from "./packed/node_codec.ts";
import { packed } from "./packed/packed_tree.ts";
import { splitPath } from "./path.ts";
import type { Tree } from "./tree.ts";

/** Linux gives up after this many symbolic links in one path (path_resolution(7)). */
const MAX_LINKS = 40;

/** Options of {@linkcode resolve}. */
export interface ResolveOptions {
  /** Whether a symbolic link at the end of the path is followed too. Default: true. */
  readonly followLast?: boolean | undefined;
}

/** The result of {@linkcode resolve}. */
export interface Resolved {
  /** The path without symbolic links and dots, without leading slash; empty for the root. */
  readonly path: ByteString;
  /** The node at `path`. */
  readonly node: Node;
}

/**
 * Resolves a path and follows the symbolic links in it, inside the tree: `/` and `..` never leave
 * its root. Returns `undefined` when a part of the path does not exist.
 *
 * @throws {VarveError} `E_LOOP` beyond 40 symbolic links, `E_NOT_DIR` when a part before the last
 * is not a directory
 */
export function resolve(
  tree: Tree,
  path: ByteString,
  options: ResolveOptions = {},
): Resolved | undefined {
  const row = resolveRow(tree, path, options.followLast ?? true);
  if (row === undefined) return undefined;
  return { path: row.names.join("/") as ByteString, node: nodeAt(row.at.leaf, row.at.i) };
}

/**
 * Does the same as {@linkcode resolve}, but returns the names of the path and the row at its end.
 */
export function resolveRow(
  tree: Tree,
  path: ByteString,
  followLast: boolean,
): { readonly names: readonly ByteString[]; readonly at: RowRef } | undefined {
  const subject = escapeForTerminal(path);
  // The directories that were entered so far: `way[k]` is the row of `names[k]`. Empty at the root.
  const root: RowRef = { leaf: packed(tree).root(), i: 0 };
  const names: ByteString[] = [];
  const way: RowRef[] = [];
  /** The names that are still to be resolved, in reverse order. */
  const left = splitPath(path).reverse();
  const mustBeDirectory = path.endsWith("/") || path.endsWith("/.");
  let links = 0;
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (name === "..") {
      names.pop();
      way.pop();
      continue;
    }
    const directory = (way.at(-1) ?? root).leaf.child((way.at(-1) ?? root).i);
    const found = directory === null ? undefined : findRow(directory, name);
    if (found === undefined) return undefined;
    const last = left.length === 0;
    const node = found.leaf.isDirectory(found.i) ? null : nodeAt(found.leaf, found.i);
    if (node?.type === "symlink" && (!last || followLast || mustBeDirectory)) {
      if (++links > MAX_LINKS) {
        throw new VarveError("E_LOOP", `Cannot resolve ${subject}: too many symbolic links`, {
          subject,
        });
      }
      const target = (node as SymlinkNode).target;
      if (target.startsWith("/")) {
        names.length = 0;
        way.length = 0;
      }
      left.push(...splitPath(target).reverse());
      continue;
    }
    if (node !== null && (!last || mustBeDirectory)) {
      throw new VarveError(
        "E_NOT_DIR",
        `Cannot resolve ${subject}: ${escapeForTerminal(name)} is not a directory`,
        { subject },
      );
    }
    names.push(name);
    way.push(found);
  }
  return { names, at: way.at(-1) ?? root };
}
