import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Row, Tree } from "../../tree/mod.ts";
import { CommonTime } from "./common_time.ts";
import { DirectorySize } from "./dirents.ts";
import { FilePlanner } from "./files.ts";
import { NAME_MAX, S_IFMT, S_IFREG } from "./format.ts";
import type { WriteErofsOptions } from "./options.ts";
import { eachDirectory, holdsWhiteout, isDirectory } from "./traverse.ts";
import { type OverlayMark, XattrPool } from "./xattr_pool.ts";

/** An inode with several names. */
export interface LinkGroup {
  /** Names. */
  links: number;
  /** The entry with which the inode is written: the first one on the way. */
  readonly entry: number;
}

/** What must be known of all inodes before the first can be placed. */
export interface Survey {
  /** The xattrs, sealed. */
  readonly pool: XattrPool;
  /** By the label of the group. */
  readonly groups: ReadonlyMap<ByteString, LinkGroup>;
  /** The files that need more than an address, and the layers of all. */
  readonly files: FilePlanner;
  /** Of each directory, in the order of the visits: bytes of its content, and directories in it. */
  readonly directories: { readonly sizes: number[]; readonly subdirectories: number[] };
  /** The image's own time. */
  readonly epoch: { readonly lo: number; readonly ns: number };
}

/** The mark that overlayfs needs on a directory; none in a root tree. */
export function markOf(directory: Row): OverlayMark {
  if (directory.opaque) return "opaque";
  return holdsWhiteout(directory) ? "origin" : "none";
}

/** Whether small ids let an inode be compact, if its time is the image's. */
export function hasSmallIds(row: Row): boolean {
  return row.uid <= 0xffff && row.gid <= 0xffff;
}

/** Goes through a tree once. @throws {VarveError} `E_LIMIT` for xattrs that no inode can hold, `E_PRECONDITION` for files without a layer, `E_NAME_TOO_LONG` */
export function surveyTree(tree: Tree, options: WriteErofsOptions): Survey {
  const files = new FilePlanner(options);
  const pool = new XattrPool();
  const groups = new Map<ByteString, LinkGroup>();
  const times = new CommonTime();
  const count = (row: Row, mark: OverlayMark) => {
    pool.add(row, mark);
    if (row.mtimeHi === 0 && hasSmallIds(row)) times.add(row.mtimeLo, row.mtimeNs);
  };
  const sizes: number[] = [];
  const subdirectories: number[] = [];
  eachDirectory(tree, (directory, first, below) => {
    count(directory.row, markOf(directory.row));
    const size = new DirectorySize();
    let entries = 0;
    for (const rows = directory.row.entries(); rows?.valid; rows.next()) {
      const entry = first + entries++;
      if (rows.nameLength > NAME_MAX) throw tooLong(rows);
      size.add(rows);
      if (isDirectory(rows)) {
        below.push({ row: rows.copy(), entry, parent: directory.entry });
      } else if (rows.mode !== 0) {
        const label = rows.group;
        const group = label === null ? undefined : groups.get(label);
        if (group !== undefined) group.links++;
        else {
          if (label !== null) groups.set(label, { links: 1, entry });
          count(rows, "none");
          if ((rows.mode & S_IFMT) === S_IFREG && rows.size > 0) files.add(rows, entry);
        }
      }
    }
    sizes.push(size.end());
    subdirectories.push(below.length);
    return entries;
  });
  pool.seal();
  const directories = { sizes, subdirectories };
  return { pool, groups, files, directories, epoch: times.best() };
}

function tooLong(row: Row): VarveError {
  return new VarveError(
    "E_NAME_TOO_LONG",
    `Cannot write EROFS image: a name has ${row.nameLength} bytes, more than ${NAME_MAX}`,
    { subject: escapeForTerminal(row.name) },
  );
}
