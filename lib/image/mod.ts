/**
 * Reads the files of images, makes new images from layers of the store (append, rebase, squash, mutate, compress), and converts
 * root filesystems to and from flat tars (import, export).
 *
 * Internally, this room also moves all images into and out of a store, wherever they come from:
 *
 * - `image_ingest.ts` takes an image source, such as an archive, a registry, a snapshot or a tar. It stages the layers,
 *   runs the jobs that verify them, reads or writes the documents, and makes everything visible together.
 * - `plan.ts` lists all parts of an image, each once. An image sink sends them to a registry, or writes them to a
 *   tar or a layout directory.
 *
 * `contract.ts` explains both.
 *
 * @example
 * ```ts
 * import { importImage } from "@varve/varve/image";
 * import { openMemoryStore } from "@varve/varve/store";
 *
 * await using store = openMemoryStore();
 * const tar = new Blob([new Uint8Array(1024)]).stream();
 * const image = await importImage(store, tar, { name: "empty:1" });
 * if (image.layers.length !== 1) throw new Error("one tar is one layer");
 * ```
 *
 * @module
 */
export { appendImage } from "./append_image.ts";
export { compressImage, type CompressImageOptions } from "./compress_image.ts";
export type { AddToIndexOptions } from "./index/added_images.ts";
export {
  addToIndex,
  createIndex,
  type CreateIndexOptions,
  removeFromIndex,
} from "./index/edit_index.ts";
export { readIndex, type StoredIndex, type StoredIndexEntry } from "./index/stored_index.ts";
export { exportImage, type ExportOptions, exportTree } from "./export_image.ts";
export type { ImageOrigin } from "./image_origin.ts";
export { imageTree, type ImageTreeOptions } from "./image_tree.ts";
export { importImage, type ImportOptions } from "./import_image.ts";
export type { LoadedImage, LoadedLayer } from "./loaded_image.ts";
export type { LoadOptions, LoadProgress } from "./load_options.ts";
export { mutateImage, type MutateOptions, type Mutation } from "./derive/mutate_image.ts";
export type { NewImageOptions } from "./new_image_options.ts";
export type { NewLayerSource } from "./new_layer.ts";
export { openFile, type OpenFileOptions } from "./open_file.ts";
export { rebaseImage, type RebaseOptions } from "./rebase_image.ts";
export { squashImage } from "./squash_image.ts";
export { TreeContents } from "./tree_contents.ts";
