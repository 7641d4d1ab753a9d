/**
 * Scans: a directory becomes a layer, of what it changes on a base.
 *
 * **Safety.** Everything is read relative to a descriptor, without passing a symbolic link or a mount point.
 * FIFOs and devices are never opened.
 *
 * **Steps.** There are four:
 *
 * 1. *list*: one thread lists all directories;
 * 2. *scan*: several threads compare the entries of some directories each with the base. They read the
 *    content of a file only where everything else is equal;
 * 3. *assemble*: one thread makes one layer tree of these parts. Hard links across parts are decided here;
 * 4. *layer*: the files of that tree are written as a tar, by the job that also loads layers. So the result
 *    is proved as a loaded layer is.
 *
 * The result does not depend on how the directories were divided into parts.
 *
 * **What is in the layer.** Only changes. What is equal to the base in everything (name, attributes, content,
 * hard links) is left out, also where an overlay copied it up. So are whiteouts and opaque marks that
 * hide nothing. The directories above a change are in it, with their attributes.
 */
import type { ByteString } from "../../bytes/mod.ts";
import type { Warning } from "../../layer/mod.ts";
import type { Fd } from "../../linux/mod.ts";

/** How the content of a directory is to be understood. */
export type ScanForm =
  /** The upper directory of an overlay: what is not in it is as in the base. */
  | "overlay"
  /** A whole file system: what is not in it was removed. */
  | "plain";

/** What a directory is compared with: the file system of a stack of layer trees, lowest first. */
export interface ScanBase {
  /** Paths of stored layer trees. */
  readonly files: readonly string[];
  /** Layer trees on top of those, in file form. */
  readonly above: readonly Uint8Array[];
}

/** An empty base: a scan of the form `"plain"` then gives the whole directory as one layer. */
export const NO_BASE: ScanBase = { files: [], above: [] };

/** A directory that a scan has listed. */
export interface ScanDirectory {
  /** Path from the root, without leading slash; empty for the root. */
  readonly path: ByteString;
  /** Whether it has overlayfs' opaque mark: then what the base has in it is hidden. */
  readonly opaque: boolean;
  /** Whether a directory above it is opaque: then the base has nothing here. */
  readonly cut: boolean;
  /** Number of names in it. */
  readonly names: number;
  /** Number of directories in it. */
  readonly directories: number;
}

/** One name of an inode that has several. */
export interface LinkedName {
  /** Path from the root, without leading slash. */
  readonly path: ByteString;
  /** Device and inode number, as a key. */
  readonly inode: string;
  /** Whether it is equal to the base's, apart from the link group. */
  readonly same: boolean;
  /** Its link group in the base; `null` for none. */
  readonly group: ByteString | null;
}

/** What the scan of some directories found. */
export interface ScanPart {
  /** What they change, as a layer tree in file form, without link groups. */
  readonly tree: Uint8Array;
  /** The names whose inodes have several. */
  readonly links: readonly LinkedName[];
  /** Number of bytes of the files in the tree. A file with several names counts with each of them. */
  readonly bytes: number;
  /** What a layer cannot hold, such as sockets, and what the policy left out. */
  readonly warnings: readonly Warning[];
}

/** The directory that is scanned. */
export interface ScanPlace {
  /** Descriptor of the directory, which all threads share. */
  readonly root: Fd;
  /** How its content is to be understood. */
  readonly form: ScanForm;
}
