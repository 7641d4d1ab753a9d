/** What a store takes on the disk. */

import type { DiffId, Digest } from "../../digest/mod.ts";

/** What files of a store belong to. */
export type UsageType =
  /** Documents, blobs, tars and trees of layers. */
  | "images"
  /** The files of containers. */
  | "containers"
  /** The files of other snapshots. */
  | "snapshots"
  /** Composed images and extracted directories, which are made again when they are needed. */
  | "caches"
  /** Kept parts of downloads that did not end. */
  | "parts"
  /** What was removed, and whose files are still there. */
  | "trash"
  /** Files of snapshots whose rows were lost. */
  | "lost"
  /** The store itself: database, reserve, directories, and unfinished writes. */
  | "store";

/** What one type of files takes. */
export interface UsageRow {
  /** What the files belong to. */
  readonly type: UsageType;
  /** Number of images, containers and so on. */
  readonly total: number;
  /** How many of them are in use: images by containers and mounts, containers that run, caches that are mounted. */
  readonly active: number;
  /** Bytes on the disk: the blocks of each inode once. */
  readonly size: number;
  /** Bytes on the disk that a prune of everything frees. */
  readonly reclaimable: number;
}

/** What an image takes. */
export interface ImageUsage {
  /** Its names. */
  readonly names: readonly string[];
  /** Digest of the manifest or index. */
  readonly digest: Digest;
  /** Bytes on the disk of everything that it needs, with its caches. */
  readonly size: number;
  /** Those of them that another image needs, too. */
  readonly shared: number;
  /** Those of them that no other image needs. */
  readonly unique: number;
  /** Number of containers of it. */
  readonly containers: number;
}

/** What a layer takes. */
export interface LayerUsage {
  /** The layer. */
  readonly diffId: DiffId;
  /** Bytes on the disk of its tar, its tree, its blobs, and what was extracted from it. */
  readonly size: number;
  /** Those of them that several images need. */
  readonly shared: number;
  /** Those of them that at most one image needs. */
  readonly unique: number;
  /** Number of images that have it. */
  readonly images: number;
}

/** What a store takes on the disk. */
export interface DiskUsage {
  /** One row for each type. */
  readonly rows: readonly UsageRow[];
  /** Sum of the sizes: what `du` counts. */
  readonly size: number;
  /** Sum of what is reclaimable. */
  readonly reclaimable: number;
  /** Largest first. Empty without `verbose`. */
  readonly images: readonly ImageUsage[];
  /** Largest first. Empty without `verbose`. */
  readonly layers: readonly LayerUsage[];
}
