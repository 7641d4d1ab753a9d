/**
 * The store: content-addressed blobs and layers, image names, chains, snapshot rows, leases and settings.
 *
 * @example
 * ```ts
 * import { openMemoryStore } from "@varve/varve/store";
 *
 * await using store = openMemoryStore();
 * if (store.images.list().length !== 0) throw new Error("a new store is empty");
 * ```
 *
 * @module
 */
export {
  type BegunLayer,
  type BlobRecord,
  type Blobs,
  type ChainRecord,
  type Chains,
  type ImageRecord,
  type Images,
  type Ingest,
  type IngestResult,
  type LayerKey,
  type LayerOptions,
  type LayerReader,
  type LayerRecord,
  type Layers,
  type Lease,
  type Leases,
  type Settings,
  type SnapshotRow,
  type Snapshots,
  type SnapshotTable,
  type SpareOptions,
  type StagedLayer,
  type Store,
} from "./contract.ts";
export { openStore } from "./disk/open.ts";
export type { Durability, OpenOptions } from "./disk/options.ts";
export type { Directories, DiskStore, EnsureOptions, TreeFile } from "./disk_store.ts";
export { documentLimits } from "./document_limits.ts";
export { findImage, narrowImage, readImage, type StoredImage } from "./image_lookup.ts";
export { openMemoryStore } from "./memory/store.ts";
export type { OpenBlobOptions } from "./runs.ts";
