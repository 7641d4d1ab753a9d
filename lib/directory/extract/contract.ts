/**
 * Extraction: a tree becomes a directory.
 *
 * Everything happens relative to a descriptor of the target, and every new name
 * is made exclusively: no symbolic link and no mount point is ever passed, also
 * when somebody swaps directories meanwhile. The work has three phases, of
 * which the second can be shared by several threads:
 *
 * 1. `directories`: all directories, mode 0700, in one thread;
 * 2. `entries`: files, links' first names, devices, whiteouts; in parts;
 * 3. `finish`: further names of hard links, then the attributes of the
 *    directories, children first, so that no later change touches their times.
 *
 * Extraction is not atomic: when it fails, whoever made the target removes it.
 * Nothing is synced; that is one `syncfs` of the caller.
 */
import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { Fd } from "../../linux/mod.ts";
import type { Tree } from "../../tree/mod.ts";

/** What becomes of the parts of a tree that a directory holds only in some way. */
export interface ExtractPolicy {
  /** Whiteouts and opaque directories: in overlayfs' form (root only), or left out. */
  readonly whiteouts: "overlay" | "none";
  /** Owners as in the tree, or the caller's. */
  readonly owners: "keep" | "caller";
  /** Device nodes: made, left out and counted, or an error. */
  readonly devices: "keep" | "skip" | "reject";
  /**
   * Leaves out and counts what only root may make: owners, devices, `trusted.*`,
   * `security.*` and attributes without support. The default is whether the caller is not root.
   */
  readonly rootless?: boolean | undefined;
}

/** The phases of an extraction; `all` runs them one after another. */
export type ExtractPhase = "all" | "directories" | "entries" | "finish";

/** One of several shares of the phase `entries`. */
export interface ExtractPart {
  /** From 0 to `count - 1`. */
  readonly index: number;
  /** Number of shares. */
  readonly count: number;
}

/** What {@linkcode extractTree} needs. */
export interface ExtractOptions {
  /** A layer tree or a root tree. */
  readonly tree: Tree;
  /**
   * An existing, empty directory: its path, or a descriptor, which all threads
   * of a process share and which stays on the directory whatever happens to its name.
   */
  readonly target: ByteString | Fd;
  /** Where the layer tars are, by diffID. */
  readonly contents: ReadonlyMap<DiffId, ByteString>;
  /** What to leave out. */
  readonly policy: ExtractPolicy;
  /** The phase; `all` by default. */
  readonly phase?: ExtractPhase | undefined;
  /** The share of the phase `entries`; all of it by default. */
  readonly part?: ExtractPart | undefined;
  /** Called now and then with the counts so far; what it throws ends the extraction. */
  readonly checkpoint?: ((report: ExtractReport) => void) | undefined;
}

/** Why something was left out or changed. */
export type DropReason =
  /** The owner is the caller instead. */
  | "owner"
  /** A device node was left out. */
  | "device"
  /** An attribute of overlayfs, or in `trusted.*`, was left out. */
  | "xattr-trusted"
  /** An attribute in `security.*` was left out. */
  | "xattr-security"
  /** The file system, or this kind of inode, does not hold the attribute. */
  | "xattr-unsupported"
  /** The file system holds a smaller range or a coarser step of times. */
  | "time";

/** What an extraction did; the reports of all phases and parts add up. */
export interface ExtractReport {
  /** Directories, without the target itself. */
  readonly directories: number;
  /** Regular files, one for each inode. */
  readonly files: number;
  /** Symbolic links. */
  readonly symlinks: number;
  /** Further names of hard links. */
  readonly links: number;
  /** Devices and FIFOs. */
  readonly specials: number;
  /** Whiteouts written. */
  readonly whiteouts: number;
  /** Bytes of content copied; holes not counted. */
  readonly bytes: number;
  /** What was left out, by reason; reasons that did not occur are 0. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}
