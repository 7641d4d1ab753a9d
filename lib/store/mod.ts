/**
 * The store: blobs and layers by digest, chains, image names, snapshot rows, leases and settings.
 *
 * {@linkcode openStore} opens a store on the disk, {@linkcode openMemoryStore} makes a store in
 * memory. Both keep the contract of {@linkcode Store}: content comes in through an
 * {@linkcode Ingest}, is verified, and becomes visible all at once or not at all.
 * {@linkcode findImage} and {@linkcode readImage} use the contract to resolve the image names that
 * a user types.
 *
 * A store on the disk is a directory:
 *
 * ```text
 * meta.db                 SQLite: the rows. A file without a row does not exist for readers.
 * store.lock              shared by commits; taken exclusively to remove files without a row
 * serve.lock              held by the one daemon that serves the store to containerd
 * content/                a valid OCI image layout, written from the rows: oci-layout, index.json,
 *                         blobs/sha256/<hex>; other programs may read it
 * layers/<cache-id>/      layer.tar, tree (the layer tree), marker; fs (the overlay driver's)
 * chains/<cache-id>/      marker; erofs (a composed image), fs, attributes (the drivers')
 * snapshots/<cache-id>/   marker; fs (the files, or the upper directory); work, empty, init, stubs,
 *                         left-out
 * ingest/                 staged content that is not committed yet, and the locks of its makers
 * trash/                  files and directories that are being deleted
 * lost/                   directories of snapshots that have files and whose rows were lost
 * mounts/                 mount points of shared lowers; directories of driver probes and of running
 *                         containers
 * ```
 *
 * A *cache id* is a positive integer that is never used again. Each `marker` says what its
 * directory is, and is written before the row that says the same. So the database can be rebuilt
 * from the markers.
 *
 * How a commit becomes durable: data and staged directories are synced; then files are renamed to
 * their final names; then the directories with those names are synced; then one transaction writes
 * the rows. A process may die at any moment. So each open store that writes holds a lock in
 * `ingest/`. A lock file that nobody holds tells the next *start* (the next time that a process opens
 * the store) to check the last commits and to remove files without a row.
 *
 * The files of this room: `contract.ts` and `records.ts` define the contract of every store;
 * `disk_store.ts` defines what a disk store adds. `staging/` is the ingest of both stores.
 * `memory/` and `disk/` keep the bytes and the rows.
 *
 * @example
 * ```ts
 * import { openMemoryStore } from "@varve/varve/store";
 *
 * await using store = openMemoryStore();
 * await using ingest = await store.ingest();
 * const text = new TextEncoder().encode("{}");
 * const document = await ingest.blob(text, "application/json");
 * if (store.blobs.stat(document.digest) !== undefined) throw new Error("it is visible too early");
 * await ingest.commit();
 * if (store.blobs.stat(document.digest)?.size !== 2) throw new Error("it is missing");
 * ```
 *
 * @module
 */
export {
  type BegunLayer,
  type Blobs,
  type Chains,
  type Images,
  type Ingest,
  type IngestResult,
  type LayerKey,
  type LayerOptions,
  type LayerReader,
  type Layers,
  type Leases,
  type NameOptions,
  type Settings,
  type SpareOptions,
  type StagedLayer,
  type Store,
} from "./contract.ts";
export { openStore } from "./disk/open.ts";
export type { Durability, OpenOptions } from "./disk/options.ts";
export { type RebuildReport, rebuildStore } from "./disk/rebuild/rebuild.ts";
export type {
  Directories,
  EnsureOptions,
  LostSnapshot,
  RemoveSnapshotOptions,
  SnapshotFacts,
  TreeFile,
} from "./disk_directories.ts";
export type { DiskStore } from "./disk_store.ts";
export { documentLimits } from "./document_limits.ts";
export type {
  Collector,
  Garbage,
  GarbageKind,
  GcBounds,
  GcKnowledge,
  GcOptions,
  GcReport,
  Holding,
  Marks,
  Reached,
  Reason,
  Thing,
} from "./garbage.ts";
export { hostPlatform } from "./host_platform.ts";
export { type AddedImage, findImage, type ImageArgument, readImage } from "./image_argument.ts";
export {
  findImageNames,
  narrowImage,
  type PlatformChoice,
  readPlatforms,
  type StoredImage,
} from "./image_lookup.ts";
export { openMemoryStore } from "./memory/store.ts";
export type {
  BlobRecord,
  ChainRecord,
  ImageRecord,
  LayerRecord,
  Lease,
  SnapshotRow,
  SnapshotScope,
} from "./records.ts";
export type { OpenBlobOptions } from "./runs.ts";
export type { Snapshots, SnapshotTable } from "./snapshot_table.ts";
