/**
 * Image archives in and out: docker-archive and OCI layout, as tar, directory or stream.
 *
 * Loading: `openFiles` gives the named files of an archive, read in place from a directory or a plain tar, or
 * taken from a stream in one pass, which hands layers to jobs before any document names them. `ociImages`
 * and `dockerImages` read the documents and make the archive an `ImageSource`.
 *
 * Saving: `layoutOf` lists the files of an archive that is an OCI layout and a docker-archive at once;
 * `layoutTar` and `layoutDirectory` are the sinks that write it.
 *
 * @module
 */
export { loadImages } from "./load.ts";
export type { ArchiveInput } from "./open_files.ts";
export { saveImages, type SaveOptions, saveToDirectory, saveToFile } from "./save.ts";
export { writeFile } from "./write_file.ts";
