import { S_IFDIR, S_IFMT } from "../../../bytes/mod.ts";
import { rootRow, type Row, type Tree } from "../../../tree/mod.ts";

/** A directory that is visited. */
export interface Directory {
  /** Row of the directory; it stays valid after the visit. */
  readonly row: Row;
  /** Entry number of the directory; 0 is the root. */
  readonly entry: number;
  /** Entry number of the parent directory; 0 for the root. */
  readonly parent: number;
}

/**
 * Visits every directory of a tree: parents before children, siblings sorted by name.
 *
 * Entries are numbered in the order of the visits. The entries of a directory have consecutive
 * numbers, and each pass over the same tree gives the same numbers.
 *
 * @param visit called for each directory, with the number of its first entry and a list `below`; it
 *   must add the directories among the entries to `below`, and return the number of entries
 */
export function eachDirectory(
  tree: Tree,
  visit: (directory: Directory, first: number, below: Directory[]) => number,
): void {
  const stack: Directory[] = [{ row: rootRow(tree), entry: 0, parent: 0 }];
  const below: Directory[] = [];
  let next = 1;
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    next += visit(top, next, below);
    while (below.length > 0) stack.push(below.pop() as Directory);
  }
}

/** Whether a directory has a whiteout among its direct entries. */
export function holdsWhiteout(directory: Row): boolean {
  if (!directory.marked) return false;
  for (const rows = directory.entries(); rows?.valid; rows.next()) if (rows.mode === 0) return true;
  return false;
}

/** Whether a row is a directory. */
export function isDirectory(row: Row): boolean {
  return (row.mode & S_IFMT) === S_IFDIR;
}
