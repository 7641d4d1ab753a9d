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
export type * from "./contract.ts";
export { findImage, imageDiffIds, readImage, type StoredImage } from "./image.ts";
export { openMemoryStore } from "./memory/store.ts";
export { openStore } from "./disk/open.ts";
export type { Durability, OpenOptions } from "./disk/options.ts";
