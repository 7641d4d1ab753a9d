import { type Fd, statFd, tryStatAt } from "../linux/mod.ts";
import { walkDirectory } from "./walk_directory.ts";

/** Disk use of a directory. */
export interface Usage {
  /** Allocated bytes. */
  readonly size: number;
  /** Inodes; hard links count once. */
  readonly inodes: number;
}

/** Blocks of stat are of 512 bytes, whatever the file system's are. */
const STAT_BLOCK = 512;

/** Disk use of a directory that may be in use: allocated bytes and inodes; hard links count once. */
export function directoryUsage(root: Fd): Usage {
  const seen = new Set<string>();
  let size = statFd(root).blocks * STAT_BLOCK;
  let inodes = 1;
  walkDirectory(root, {
    inUse: true,
    entry(directory, { name }): void {
      const stat = tryStatAt(directory, name);
      if (stat === undefined) return;
      if (stat.type !== "directory" && stat.nlink > 1) {
        const inode = `${stat.device} ${stat.inode}`;
        if (seen.has(inode)) return;
        seen.add(inode);
      }
      size += stat.blocks * STAT_BLOCK;
      inodes++;
    },
  });
  return { size, inodes };
}
