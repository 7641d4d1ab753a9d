/**
 * Extraction: a tree becomes a directory.
 *
 * **Safety.** Everything happens relative to a descriptor of the target, and every new name is made
 * exclusively. Extraction never passes through a symbolic link or a mount point, even when another
 * process swaps directories meanwhile.
 *
 * **Phases.** There are three; several threads can share the second:
 *
 * 1. `directories`: makes all directories with mode 0700, in one thread;
 * 2. `entries`: makes files, the first name of each hard link, devices and whiteouts, in parts;
 * 3. `finish`: makes the other names of hard links, then sets the attributes of directories. Children
 *    come first, so that nothing changes a directory's times after they are set.
 *
 * **Content.** The bytes of each file are verified against its digest while they are copied.
 *
 * **Failure.** Extraction is not atomic. When it fails, the caller removes the target.
 *
 * **Durability.** Nothing is synced. The caller syncs everything with one `syncfs`.
 */
import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { Fd } from "../../linux/mod.ts";
import type { Tree } from "../../tree/mod.ts";

/** How to extract the parts of a tree that not every directory can hold. */
export interface ExtractPolicy {
  /**
   * Whiteouts and opaque directories: `"overlay"` makes them in overlayfs' form, which needs root;
   * `"none"` leaves them out.
   */
  readonly whiteouts: "overlay" | "none";
  /**
   * Owners: `"keep"` sets the owners of the tree, `"caller"` gives everything to this process's
   * user.
   */
  readonly owners: "keep" | "caller";
  /** Device nodes: `"keep"` makes them, `"skip"` leaves them out and counts them, `"reject"` throws `E_TYPE`. */
  readonly devices: "keep" | "skip" | "reject";
  /**
   * Whether to leave out, and count, the things that only root may set (owners, devices,
   * `trusted.*`, `security.*`) and attributes that the file system does not support. Default: true
   * unless this process runs as root.
   */
  readonly rootless?: boolean | undefined;
}

/** The phases of an extraction; `"all"` runs them one after another. */
export type ExtractPhase = "all" | "directories" | "entries" | "finish";

/** One of several parts of the phase `entries`. */
export interface ExtractPart {
  /** Number of this part, from 0 to `count - 1`. */
  readonly index: number;
  /** Number of parts. */
  readonly count: number;
}

/** Options of {@linkcode extractTree}. */
export interface ExtractOptions {
  /** A layer tree or a root tree. */
  readonly tree: Tree;
  /**
   * An existing, empty directory: its path or a descriptor. All threads of a process share a
   * descriptor, which still names the directory after a rename.
   */
  readonly target: ByteString | Fd;
  /** Paths of the layer tars, by diffID. */
  readonly contents: ReadonlyMap<DiffId, ByteString>;
  /** What to leave out or to refuse. */
  readonly policy: ExtractPolicy;
  /** The phase to run; `"all"` by default. */
  readonly phase?: ExtractPhase | undefined;
  /** The part of the phase `entries` to run; the whole phase by default. */
  readonly part?: ExtractPart | undefined;
  /**
   * Called after every few entries, and within large files, with the counts so far. If it throws, the extraction
   * ends with that error.
   */
  readonly checkpoint?: ((report: ExtractReport) => void) | undefined;
}

/** Why an item was left out or changed. */
export type DropReason =
  /** The file belongs to this process's user instead of its owner. */
  | "owner"
  /** A device node was left out. */
  | "device"
  /** An attribute in `trusted.*` or `user.overlay.*` was left out. */
  | "xattr-trusted"
  /** An attribute in `security.*` was left out. */
  | "xattr-security"
  /** An attribute was left out, because the file system or this type of file does not support it. */
  | "xattr-unsupported"
  /** The time was changed, because the file system has a smaller range or a coarser resolution. */
  | "time";

/**
 * Counts of an extraction. The sum of the reports of all phases and parts is the report of the
 * whole extraction.
 */
export interface ExtractReport {
  /** Number of directories, without the target itself. */
  readonly directories: number;
  /** Number of regular files; all names of one inode count once. */
  readonly files: number;
  /** Number of symbolic links. */
  readonly symlinks: number;
  /** Number of hard links. The first name of an inode does not count. */
  readonly links: number;
  /** Number of devices and FIFOs. */
  readonly specials: number;
  /** Number of whiteouts that were written. */
  readonly whiteouts: number;
  /** Number of bytes of content that were copied, without holes. */
  readonly bytes: number;
  /** How many items were left out or changed, by reason; 0 for reasons that did not occur. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}
