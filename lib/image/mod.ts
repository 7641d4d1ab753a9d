/**
 * Images, whatever they come from: new ones made of layers that are here, and flat tars in and out.
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
