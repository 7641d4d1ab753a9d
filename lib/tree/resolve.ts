import { type ByteString, escapeForTerminal, S_IFLNK } from "../bytes/mod.ts";
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

/** How {@linkcode resolveIn} reads a tree. `Place` stands for an entry of it. */
export interface Places<Place> {
  /** The root directory. */
  readonly root: Place;
  /** The entry of a directory with this name; `undefined` when there is none. */
  find(directory: Place, name: ByteString): Place | undefined;
  /** Whether the entry is a directory. */
  isDirectory(place: Place): boolean;
  /** The target of a symbolic link; `undefined` when the entry is no symbolic link. */
  linkTarget(place: Place): ByteString | undefined;
}

/**
 * Does the same as {@linkcode resolve}, but returns the names of the path and the row at its end.
 */
export function resolveRow(
  tree: Tree,
  path: ByteString,
  followLast: boolean,
): { readonly names: readonly ByteString[]; readonly at: RowRef } | undefined {
  const root: RowRef = { leaf: packed(tree).root(), i: 0 };
  return resolveIn<RowRef>({ root, find: findBelow, isDirectory, linkTarget }, path, followLast);
}

function findBelow({ leaf, i }: RowRef, name: ByteString): RowRef | undefined {
  const directory = leaf.child(i);
  return directory === null ? undefined : findRow(directory, name);
}

function isDirectory({ leaf, i }: RowRef): boolean {
  return leaf.isDirectory(i);
}

/** The target of a row that is a symbolic link; `undefined` for any other row. */
export function linkTarget({ leaf, i }: RowRef): ByteString | undefined {
  return leaf.type(i) === S_IFLNK ? (nodeAt(leaf, i) as SymlinkNode).target : undefined;
}

/**
 * Resolves a path in any tree or view that `places` can read.
 *
 * @throws {VarveError} as {@linkcode resolve}
 */
export function resolveIn<Place>(
  places: Places<Place>,
  path: ByteString,
  followLast: boolean,
): { readonly names: readonly ByteString[]; readonly at: Place } | undefined {
  const subject = escapeForTerminal(path);
  // The path that is resolved so far: `way[k]` is the place of `names[k]`. Both are empty at the root.
  const names: ByteString[] = [];
  const way: Place[] = [];
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
    const found = places.find(way.at(-1) ?? places.root, name);
    if (found === undefined) return undefined;
    const last = left.length === 0;
    const target = places.linkTarget(found);
    if (target !== undefined && (!last || followLast || mustBeDirectory)) {
      if (++links > MAX_LINKS) {
        throw new VarveError("E_LOOP", `Cannot resolve ${subject}: too many symbolic links`, {
          subject,
        });
      }
      if (target.startsWith("/")) {
        names.length = 0;
        way.length = 0;
      }
      left.push(...splitPath(target).reverse());
      continue;
    }
    if (!places.isDirectory(found) && (!last || mustBeDirectory)) {
      throw new VarveError(
        "E_NOT_DIR",
        `Cannot resolve ${subject}: ${escapeForTerminal(name)} is not a directory`,
        { subject },
      );
    }
    names.push(name);
    way.push(found);
  }
  return { names, at: way.at(-1) ?? places.root };
}
