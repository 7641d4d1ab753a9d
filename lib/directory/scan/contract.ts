/**
 * Scans: a directory becomes the layer tree of what it changes on a base.
 *
 * Everything is read relative to a descriptor, without passing a symbolic link
 * or a mount point; FIFOs and devices are never opened. The work has four steps:
 *
 * 1. *list*: all directories, in one thread;
 * 2. *scan*: the entries of some directories, compared with the base; in parts,
 *    side by side. Contents are read only where everything else is equal;
 * 3. *assemble*: the parts as one tree; what belongs together across parts
 *    (hard links) is decided here;
 * 4. *layer*: the files of that tree as a tar, which is loaded while it is written.
 *
 * How the directories were dealt out leaves no trace in the result.
 *
 * A layer says no more than it must: what is equal to the base in everything
 * (name, attributes, content, hard links) is left out, also where an overlay
 * copied it up; so are whiteouts and opaque marks that hide nothing. Directories
 * on the way to a change come with their attributes.
 */
import type { ByteString } from "../../bytes/mod.ts";
import type { Warning } from "../../layer/mod.ts";
import type { Fd } from "../../linux/mod.ts";

/** What a directory is. */
export type ScanForm =
  /** The upper directory of an overlay: what it does not hold is as in the base. */
  | "overlay"
  /** A whole file system: what it does not hold is gone. */
  | "plain";

/** What a directory is compared with: layer trees, the lowest first. */
export interface ScanBase {
  /** Paths of stored layer trees. */
  readonly files: readonly string[];
  /** Layer trees on top of them, in their file form. */
  readonly above: readonly Uint8Array[];
}

/** A base without anything: a scan of the form `plain` then tells a whole file system. */
export const NO_BASE: ScanBase = { files: [], above: [] };

/** A directory of a scan. */
export interface ScanDirectory {
  /** Path from the root, without leading slash; empty for the root. */
  readonly path: ByteString;
  /** Its opaque mark: what the base has in it is hidden. */
  readonly opaque: boolean;
  /** A directory above is opaque: the base has nothing here. */
  readonly cut: boolean;
  /** Names in it. */
  readonly names: number;
  /** Directories in it. */
  readonly directories: number;
}

/** One name of an inode that has several. */
export interface LinkedName {
  /** Path from the root. */
  readonly path: ByteString;
  /** Device and inode. */
  readonly inode: string;
  /** Whether it is as in the base, but perhaps for the link group. */
  readonly same: boolean;
  /** Its link group in the base. */
  readonly group: ByteString | null;
}

/** What the scan of some directories found. */
export interface ScanPart {
  /** What they change, as a layer tree in its file form, link groups not yet told. */
  readonly tree: Uint8Array;
  /** The names in it that share inodes. */
  readonly links: readonly LinkedName[];
  /** Bytes of the files in it; shared ones count with each of their names. */
  readonly bytes: number;
  /** What was left out. */
  readonly warnings: readonly Warning[];
}

/** Where a scan is. Descriptors are shared by the threads of a process. */
export interface ScanPlace {
  /** The directory. */
  readonly root: Fd;
  /** What it is. */
  readonly form: ScanForm;
}
