/**
 * Image archives in and out: docker-archive and OCI layout, as tar, directory or stream.
 *
 * @module
 */
export { loadImages } from "./load.ts";
export type { ArchiveInput } from "./open_files.ts";
export { saveImages, type SaveOptions, saveToDirectory, saveToFile } from "./save.ts";
export { writeFile } from "./write_file.ts";
