import {
  type ByteString,
  escapeForTerminal,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { mapKey } from "../../../tree/internal.ts";
import type { Row, Tree } from "../../../tree/mod.ts";
import { NAME_MAX } from "../format.ts";
import { CHECKPOINT, type WriteErofsOptions } from "../options.ts";
import { CommonTime } from "./common_time.ts";
import { DirectorySize } from "./dirents.ts";
import { eachDirectory, holdsWhiteout, isDirectory } from "./each_directory.ts";
import { DIRECTORY, EntryTable, FILE, LINK, OTHER, WHITEOUT } from "./entry_table.ts";
import { FilePlanner } from "./file_planner.ts";
import { type OverlayMark, XattrPool } from "./xattr_pool.ts";

/** The facts about all inodes that must be known before the first inode can be placed. */
export interface Survey {
  /** All xattrs, sealed. */
  readonly pool: XattrPool;
  /** The kind, size and links of each entry. */
  readonly table: EntryTable;
  /**
   * The layers that hold the content of files, and the files that are not one aligned run of a
   * layer.
   */
  readonly files: FilePlanner;
  /** The image's own time, which compact inodes have: low word of the seconds, and nanoseconds. */
  readonly epoch: { readonly lo: number; readonly ns: number };
}

/** The xattr mark that overlayfs needs on a directory; `"none"` in a root tree. */
function markOf(directory: Row): OverlayMark {
  if (directory.opaque) return "opaque";
  return holdsWhiteout(directory) ? "origin" : "none";
}

/** Whether the ids of an entry fit into a compact inode. */
function hasSmallIds(row: Row): boolean {
  return row.uid <= 0xffff && row.gid <= 0xffff;
}

/**
 * Surveys a tree in one pass.
 *
 * @throws {VarveError} `E_LIMIT` for xattrs that no inode can hold, `E_PRECONDITION` for a file
 *   without a layer, `E_NAME_TOO_LONG` for a name of more than 255 bytes
 */
export function surveyTree(tree: Tree, options: WriteErofsOptions): Survey {
  const files = new FilePlanner(options);
  const pool = new XattrPool();
  const table = new EntryTable(tree.count);
  /**
   * For each link group, the entry that has the inode. This is the first name of the group that is
   * visited.
   */
  const groups = new Map<ByteString, number>();
  const times = new CommonTime();
  const record = (
    row: Row,
    entry: number,
    kind: number,
    size: number,
    links: number,
    mark: OverlayMark,
  ) => {
    table.put(entry, kind, size, links, pool.add(row, mark));
    if (row.mtimeHi !== 0 || !hasSmallIds(row)) return;
    times.add(row.mtimeLo, row.mtimeNs);
    table.markCompactable(entry, row.mtimeLo, row.mtimeNs);
  };
  eachDirectory(tree, ({ row, entry: parent }, first, below) => {
    // The size and the links of a directory are known only at the end of its entries.
    record(row, parent, DIRECTORY, 0, 2, markOf(row));
    table.visited.push(parent);
    table.firsts.push(first);
    const size = new DirectorySize();
    let entries = 0;
    for (const rows = row.entries(); rows?.valid; rows.next()) {
      const entry = first + entries++;
      if (entry % CHECKPOINT === 0) options.checkpoint?.();
      if (rows.nameLength > NAME_MAX) throw tooLong(rows);
      size.add(rows);
      if (isDirectory(rows)) {
        below.push({ row: rows.copy(), entry, parent });
        continue;
      }
      if (rows.mode === 0) {
        table.put(entry, WHITEOUT, 0, 1, 0);
        continue;
      }
      const label = rows.group;
      if (label !== null) {
        const group = mapKey(label);
        const named = groups.get(group);
        if (named !== undefined) {
          table.alias(entry, named);
          continue;
        }
        groups.set(group, entry);
      }
      switch (rows.mode & S_IFMT) {
        case S_IFREG:
          record(rows, entry, FILE, rows.size, 1, "none");
          if (rows.size > 0) files.add(rows, entry);
          break;
        case S_IFLNK:
          record(rows, entry, LINK, rows.targetLength, 1, "none");
          break;
        default:
          record(rows, entry, OTHER, 0, 1, "none");
      }
    }
    table.sizes[parent] = size.end();
    table.links[parent] = 2 + below.length;
    return entries;
  });
  pool.seal();
  return { pool, table, files, epoch: times.best() };
}

function tooLong(row: Row): VarveError {
  return new VarveError(
    "E_NAME_TOO_LONG",
    `Cannot write EROFS image: a name has ${row.nameLength} bytes, more than ${NAME_MAX}`,
    { subject: escapeForTerminal(row.name) },
  );
}
