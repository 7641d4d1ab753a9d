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
export type { ChainId, DiffId, Digest, TreeDigest } from "../digest/mod.ts";
export type {
  ContainerConfig,
  Descriptor,
  HistoryEntry,
  ImageConfig,
  ImageLayer,
  JsonObject,
  JsonValue,
  Manifest,
  OciLimits,
} from "../oci/mod.ts";
export type { Tree, TreeKind } from "../tree/mod.ts";
export { type Warning, WARNING_CODES, type WarningCode } from "../layer/mod.ts";
export type { Compression } from "../codec/compress/mod.ts";
export type { LayerJobOutput, LayerTarget } from "../pool/mod.ts";
export type * from "./contract.ts";
export type * from "./directories.ts";
export type { OpenBlobOptions } from "./runs.ts";
export { documentLimits } from "./document_limits.ts";
export { findImage, imageDiffIds, narrowImage, readImage, type StoredImage } from "./image.ts";
export { openMemoryStore } from "./memory/store.ts";
export { openStore } from "./disk/open.ts";
export type { Durability, OpenOptions } from "./disk/options.ts";
