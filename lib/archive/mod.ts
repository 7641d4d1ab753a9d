/**
 * Image archives in and out: docker-archive and OCI layout, as tar, directory or stream; root
 * filesystems in and out as flat tars; and new images made of layers that are here.
 *
 * @module
 */
export { appendImage } from "./append_layer.ts";
export { compressImage, type CompressImageOptions } from "./compress_image.ts";
export { exportImage, type ExportOptions, exportTree } from "./export.ts";
export { importImage, type ImportOptions } from "./import.ts";
export { loadImages } from "./load.ts";
export type { NewLayerSource } from "./new_layer.ts";
export type { ImageSource } from "./open_files.ts";
export { type Rebase, rebaseImage } from "./rebase_image.ts";
export type { NewImageOptions } from "./rework_types.ts";
export { saveImages, type SaveOptions, saveToDirectory, saveToFile } from "./save.ts";
export { squashImage } from "./squash_image.ts";
export { TreeContents } from "./tree_contents.ts";
export type * from "./types.ts";
export { writeFile } from "./write_file.ts";
