import type { ByteString } from "../../bytes/mod.ts";
import type { Row, Tree } from "../../tree/mod.ts";
import { CommonTime } from "./common_time.ts";
import { FilePlanner } from "./files.ts";
import { S_IFMT, S_IFREG } from "./format.ts";
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

/** Goes through a tree once. @throws {VarveError} `E_LIMIT` for xattrs that no inode can hold, `E_PRECONDITION` for files without a layer */
export function surveyTree(tree: Tree, options: WriteErofsOptions): Survey {
  const files = new FilePlanner(options);
  const pool = new XattrPool();
  const groups = new Map<ByteString, LinkGroup>();
  const times = new CommonTime();
  const count = (row: Row, mark: OverlayMark) => {
    pool.add(row, mark);
    if (row.mtimeHi === 0 && hasSmallIds(row)) times.add(row.mtimeLo, row.mtimeNs);
  };
  eachDirectory(tree, (directory, first, below) => {
    count(directory.row, markOf(directory.row));
    let entries = 0;
    for (const rows = directory.row.entries(); rows?.valid; rows.next()) {
      const entry = first + entries++;
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
    return entries;
  });
  pool.seal();
  return { pool, groups, files, epoch: times.best() };
}
