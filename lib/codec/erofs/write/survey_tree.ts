import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { S_IFLNK, S_IFMT, S_IFREG } from "../../../tree/internal.ts";
import type { Row, Tree } from "../../../tree/mod.ts";
import { NAME_MAX } from "../format.ts";
import type { WriteErofsOptions } from "../options.ts";
import { CommonTime } from "./common_time.ts";
import { DirectorySize } from "./dirents.ts";
import { eachDirectory, holdsWhiteout, isDirectory } from "./each_directory.ts";
import { DIRECTORY, EntryTable, FILE, LINK, OTHER, WHITEOUT } from "./entry_table.ts";
import { FilePlanner } from "./file_planner.ts";
import { type OverlayMark, XattrPool } from "./xattr_pool.ts";

/** What must be known of all inodes before the first can be placed. */
export interface Survey {
  /** The xattrs, sealed. */
  readonly pool: XattrPool;
  /** What each entry is. */
  readonly notes: EntryTable;
  /** The files that need more than an address, and the layers of all. */
  readonly files: FilePlanner;
  /** The image's own time. */
  readonly epoch: { readonly lo: number; readonly ns: number };
}

/** The mark that overlayfs needs on a directory; none in a root tree. */
function markOf(directory: Row): OverlayMark {
  if (directory.opaque) return "opaque";
  return holdsWhiteout(directory) ? "origin" : "none";
}

/** Whether small ids let an inode be compact, if its time is the image's. */
function hasSmallIds(row: Row): boolean {
  return row.uid <= 0xffff && row.gid <= 0xffff;
}

/** Goes through a tree once. @throws {VarveError} `E_LIMIT` for xattrs that no inode can hold, `E_PRECONDITION` for files without a layer, `E_NAME_TOO_LONG` */
export function surveyTree(tree: Tree, options: WriteErofsOptions): Survey {
  const files = new FilePlanner(options);
  const pool = new XattrPool();
  const notes = new EntryTable(tree.count);
  /** The entry with which the inode of a link group is written: the first one on the way. */
  const groups = new Map<ByteString, number>();
  const times = new CommonTime();
  const note = (
    row: Row,
    entry: number,
    kind: number,
    size: number,
    links: number,
    mark: OverlayMark,
  ) => {
    notes.put(entry, kind, size, links, pool.add(row, mark));
    if (row.mtimeHi !== 0 || !hasSmallIds(row)) return;
    times.add(row.mtimeLo, row.mtimeNs);
    notes.small(entry, row.mtimeLo, row.mtimeNs);
  };
  eachDirectory(tree, ({ row, entry: parent }, first, below) => {
    // Its size and links are known at the end.
    note(row, parent, DIRECTORY, 0, 2, markOf(row));
    notes.visited.push(parent);
    notes.firsts.push(first);
    const size = new DirectorySize();
    let entries = 0;
    for (const rows = row.entries(); rows?.valid; rows.next()) {
      const entry = first + entries++;
      if (rows.nameLength > NAME_MAX) throw tooLong(rows);
      size.add(rows);
      if (isDirectory(rows)) {
        below.push({ row: rows.copy(), entry, parent });
        continue;
      }
      if (rows.mode === 0) {
        notes.put(entry, WHITEOUT, 0, 1, 0);
        continue;
      }
      const label = rows.group;
      if (label !== null) {
        const named = groups.get(label);
        if (named !== undefined) {
          notes.alias(entry, named);
          continue;
        }
        groups.set(label, entry);
      }
      switch (rows.mode & S_IFMT) {
        case S_IFREG:
          note(rows, entry, FILE, rows.size, 1, "none");
          if (rows.size > 0) files.add(rows, entry);
          break;
        case S_IFLNK:
          note(rows, entry, LINK, rows.targetLength, 1, "none");
          break;
        default:
          note(rows, entry, OTHER, 0, 1, "none");
      }
    }
    notes.sizes[parent] = size.end();
    notes.links[parent] = 2 + below.length;
    return entries;
  });
  pool.seal();
  return { pool, notes, files, epoch: times.best() };
}

function tooLong(row: Row): VarveError {
  return new VarveError(
    "E_NAME_TOO_LONG",
    `Cannot write EROFS image: a name has ${row.nameLength} bytes, more than ${NAME_MAX}`,
    { subject: escapeForTerminal(row.name) },
  );
}
