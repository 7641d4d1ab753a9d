import { type Fd, STAT_BLOCK, statFd, tryStatAt } from "../linux/mod.ts";
import { walkDirectory } from "./walk_directory.ts";

/** Disk use of a directory and everything in it. */
export interface Usage {
  /** Number of bytes that are allocated on the disk. */
  readonly size: number;
  /** Number of inodes: all names of one inode count once. */
  readonly inodes: number;
}

/** Measures the disk use of a directory. Other processes may change the directory meanwhile. */
export function directoryUsage(root: Fd, checkpoint?: () => void): Usage {
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
  }, checkpoint);
  return { size, inodes };
}
