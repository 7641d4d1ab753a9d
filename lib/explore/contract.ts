/**
 * What an explorer says of an image: which layer brought, changed and removed what, who won, and which bytes are of no
 * use.
 *
 * **Sizes** are those that `ls -l` shows. The names of one inode (hard links) in one layer count once: at the least
 * path. Everything that is not a regular file has size 0.
 *
 * **Changes** of a layer are what it does to the file tree of the layers below it, path by path. A layer that removes a
 * path and adds it again changes it. The root directory is no path.
 *
 * **Waste** is every byte of a layer's files that the image does not show: each byte has one cause. It is what hid the
 * last name of the file.
 */
import type { ByteString } from "../bytes/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import type { HistoryEntry } from "../oci/mod.ts";
import type { Node, Tree } from "../tree/mod.ts";

/** A layer to explore. */
export interface ExploredLayer {
  /** The layer; `null` for changes that are no layer yet. */
  readonly diffId: DiffId | null;
  /** What the layer adds, changes and hides. */
  readonly tree: Tree;
  /** The build step that made it. */
  readonly history?: HistoryEntry | undefined;
}

/** What a layer does to a path. */
export type ChangeKind =
  /** The path is new. */
  | "added"
  /** Another type, content, target or device number. */
  | "content"
  /** The same content with another mode, owner, time or other xattrs. */
  | "attributes"
  /** The layer has the same entry again. */
  | "same"
  /** The path is gone. */
  | "deleted";

/** The kinds of changes, in the order in which they are shown. */
export const CHANGE_KINDS: readonly ChangeKind[] = [
  "added",
  "content",
  "attributes",
  "same",
  "deleted",
];

/** What one layer does to one path. */
export interface PathChange {
  /** Index of the layer; 0 is the lowest. */
  readonly layer: number;
  readonly kind: ChangeKind;
  /** The entry of the layer; for a deletion, what was deleted. */
  readonly node: Node;
  /** Size of that entry in bytes. */
  readonly bytes: number;
}

/** A path, with what each layer does to it. */
export interface ExploredPath {
  /** Path from the root, without leading slash. */
  readonly path: ByteString;
  /** Last name of the path. */
  readonly name: ByteString;
  /** Number of names in the path. */
  readonly depth: number;
  /** Lowest layer first; at least one. The last one wins, unless it is a deletion. */
  readonly changes: readonly PathChange[];
}

/** A number of things and their bytes. */
export interface Sum {
  readonly count: number;
  readonly bytes: number;
}

/** What one layer does. */
export interface LayerReport {
  readonly diffId: DiffId | null;
  readonly history: HistoryEntry | undefined;
  /** Number of its entries, whiteouts and implied directories included. */
  readonly entries: number;
  /** Bytes of its files: the sum over all kinds of changes but deletions. */
  readonly bytes: number;
  /** Paths and bytes by kind of change. */
  readonly changes: Readonly<Record<ChangeKind, Sum>>;
}

/** Why bytes of a layer are of no use. */
export type WasteCause =
  /** A layer above deletes the file. */
  | "deleted"
  /** A layer above has other content in its place. */
  | "overwritten"
  /** A layer above has the same content again, for example to change attributes. */
  | "copied";

/** The causes of waste, in the order in which they are shown. */
export const WASTE_CAUSES: readonly WasteCause[] = ["deleted", "overwritten", "copied"];

/** A file that the image does not show. */
export interface WastedFile {
  readonly path: ByteString;
  /** Index of the layer that has the file. */
  readonly layer: number;
  /** Index of the layer that hid it. */
  readonly by: number;
  readonly cause: WasteCause;
  readonly bytes: number;
}

/** Files of the image with equal content. */
export interface DuplicateFiles {
  /** SHA-256 of the content. */
  readonly digest: Uint8Array;
  /** Size of one of them in bytes. */
  readonly size: number;
  /** One path of each inode. */
  readonly paths: readonly ByteString[];
}

/** A path that dive counts as inefficient: several layers have it. */
export interface DivePath {
  readonly path: ByteString;
  /** In how many layers. */
  readonly count: number;
  /** Sum of its sizes in them. */
  readonly bytes: number;
}

/** What dive would say. */
export interface DiveReport {
  /** 0 to 1. */
  readonly score: number;
  readonly wastedBytes: number;
  /** Bytes of all layers but the lowest. */
  readonly userBytes: number;
  /** Wasted bytes by user bytes: `NaN` for none of none, `Infinity` for some of none. */
  readonly wastedUserPercent: number;
  /** How many paths are inefficient. */
  readonly inefficientCount: number;
  /** Those with the most bytes, most first; at most {@linkcode MOST_LISTED}. */
  readonly inefficient: readonly DivePath[];
}

/** How many wasted files, duplicates and inefficient paths a report lists. */
export const MOST_LISTED = 100;

/** What an explorer says of an image. */
export interface ExploreReport {
  /** Lowest first. */
  readonly layers: readonly LayerReport[];
  /** Bytes of the files of all layers. */
  readonly layerBytes: number;
  /** Paths that the image shows, and the bytes of its files, hard links once. */
  readonly image: Sum;
  /** Files by cause. The bytes of the image and of the three causes are `layerBytes`. */
  readonly waste: Readonly<Record<WasteCause, Sum>>;
  /** Largest first; at most {@linkcode MOST_LISTED}. */
  readonly wastedFiles: readonly WastedFile[];
  /** Files beyond the first with equal content, and their bytes. The image shows them, so they are no waste. */
  readonly duplicates: Sum;
  /** Most bytes first; at most {@linkcode MOST_LISTED}. */
  readonly duplicateFiles: readonly DuplicateFiles[];
  /** 1 − waste / `layerBytes`; 1 where there are no bytes. */
  readonly efficiency: number;
  readonly dive: DiveReport;
  /** All paths of all layers in the order of a walk. Each iteration reads the trees again. */
  readonly paths: Iterable<ExploredPath>;
}
