import { S_IFDIR, S_IFMT } from "../../../tree/internal.ts";
import { rootRow, type Row, type Tree } from "../../../tree/mod.ts";

/** A directory on the way through a tree. */
export interface Directory {
  /** Its row, which stays. */
  readonly row: Row;
  /** Its number; 0 is the root. */
  readonly entry: number;
  /** The number of the directory that has it; the root's is itself. */
  readonly parent: number;
}

/**
 * Visits every directory, each before those in it, siblings in the order of
 * their names. Entries are numbered in the order of the visits: those of a
 * directory follow one another, and every pass over a tree numbers alike.
 *
 * @param visit takes the number of the directory's first entry and where to put
 *   the directories in it; returns how many entries it has
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

/** Whether a directory of a layer has a whiteout in it. */
export function holdsWhiteout(directory: Row): boolean {
  if (!directory.marked) return false;
  for (const rows = directory.entries(); rows?.valid; rows.next()) if (rows.mode === 0) return true;
  return false;
}

/** Whether a row is a directory. */
export function isDirectory(row: Row): boolean {
  return (row.mode & S_IFMT) === S_IFDIR;
}
