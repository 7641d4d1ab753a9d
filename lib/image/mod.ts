/**
 * New images of layers that the store holds (append, rebase, squash, compress), and root filesystems as flat
 * tars in and out (import, export).
 *
 * Inside, this room brings all images into a store. An `ImageSource` (an archive, a registry, a snapshot, a
 * tar) gives images; `ingestImages` begins their layers in one place, runs the jobs that prove them, reads or
 * writes the documents, and makes everything visible at once. `planImage` lists all parts of an image, each
 * once, for an `ImageSink` (a registry, a tar, a layout directory). `contract.ts` explains both.
 *
 * @example
 * ```ts
 * import { importImage } from "@varve/varve/image";
 * import { openMemoryStore } from "@varve/varve/store";
 *
 * await using store = openMemoryStore();
 * const tar = new Blob([new Uint8Array(1024)]).stream();
 * const platform = { os: "linux", architecture: "amd64" };
 * const image = await importImage(store, tar, { name: "empty:1", platform });
 * if (image.layers.length !== 1) throw new Error("one tar is one layer");
 * ```
 *
 * @module
 */
export { appendImage } from "./append_image.ts";
export { compressImage, type CompressImageOptions } from "./compress_image.ts";
export { exportImage, type ExportOptions, exportTree } from "./export_image.ts";
export { importImage, type ImportOptions } from "./import_image.ts";
export type { LoadedImage, LoadedLayer } from "./loaded_image.ts";
export type { LoadOptions, LoadProgress } from "./load_options.ts";
export type { NewImageOptions } from "./new_image_options.ts";
export type { NewLayerSource } from "./new_layer.ts";
export { type Rebase, rebaseImage } from "./rebase_image.ts";
export { squashImage } from "./squash_image.ts";
export { TreeContents } from "./tree_contents.ts";
