/**
 * Scans: a directory becomes a layer, which holds the changes of the directory compared with a
 * base.
 *
 * **Safety.** Everything is read relative to a descriptor. A scan never passes through a symbolic
 * link or a mount point. FIFOs and devices are never opened.
 *
 * **Steps.** There are four:
 *
 * 1. *list*: one thread lists all directories;
 * 2. *scan*: several threads divide the directories among them and compare the entries with the
 *    base. They read the content of a file only if everything else is equal to the base;
 * 3. *assemble*: one thread joins these parts into one layer tree. It also decides about hard links
 *    across parts;
 * 4. *layer*: the files of that tree are written as a tar, by the job that also loads layers. So
 *    the result passes the same checks as a loaded layer.
 *
 * The result does not depend on how the directories were divided into parts.
 *
 * **What is in the layer.** Only changes. An entry that is equal to the base in everything (name,
 * attributes, content, hard links) is left out, even if an overlay copied it up. Whiteouts and
 * opaque marks that hide nothing are left out too. The directories above a change are in the layer,
 * with their attributes.
 */
import type { ByteString } from "../../bytes/mod.ts";
import type { Warning } from "../../layer/mod.ts";
import type { Fd } from "../../linux/mod.ts";

/** The meaning of the files in a scanned directory. */
export type ScanForm =
  /** The upper directory of an overlay: a path that it lacks is unchanged from the base. */
  | "overlay"
  /** A whole file system: a path that it lacks was removed. */
  | "plain";

/**
 * The base that a directory is compared with: the file system of a stack of layer trees, lowest
 * first.
 */
export interface ScanBase {
  /** The layer trees: paths of stored ones, or trees in file form. */
  readonly trees: readonly (string | Uint8Array)[];
}

/**
 * An empty base. With it, a scan of the form `"plain"` returns the whole directory as one layer.
 */
export const NO_BASE: ScanBase = { trees: [] };

/** A directory that a scan has listed. */
export interface ScanDirectory {
  /** Path from the root, without leading slash; empty for the root. */
  readonly path: ByteString;
  /** Whether the directory has overlayfs' opaque mark, which hides the base's entries in it. */
  readonly opaque: boolean;
  /** Whether a directory above it is opaque, so that the base has no entries here. */
  readonly cut: boolean;
  /** Number of names in it. */
  readonly names: number;
  /** Number of directories in it. */
  readonly directories: number;
}

/** One name of an inode that has several names. */
export interface LinkedName {
  /** Path from the root, without leading slash. */
  readonly path: ByteString;
  /** Device and inode number, as a key. */
  readonly inode: string;
  /** Whether the node is equal to the node in the base, apart from the link group. */
  readonly same: boolean;
  /** Link group of the path in the base; `null` for none. */
  readonly group: ByteString | null;
}

/** Result of the scan of some directories. */
export interface ScanPart {
  /** The changes, as a layer tree in file form, without link groups. */
  readonly tree: Uint8Array;
  /** The names of inodes that have several names. */
  readonly links: readonly LinkedName[];
  /** Size of the files in the tree, in bytes. A file counts once for each of its names. */
  readonly bytes: number;
  /**
   * Warnings about things that a layer cannot hold, such as sockets, and things that the policy
   * left out.
   */
  readonly warnings: readonly Warning[];
}

/** The directory that is scanned. */
export interface ScanPlace {
  /** Descriptor of the directory, which all threads share. */
  readonly root: Fd;
  /** The meaning of its files. */
  readonly form: ScanForm;
}
