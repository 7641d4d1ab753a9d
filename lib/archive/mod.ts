/**
 * Loads and saves image archives: docker-archives and OCI layouts, as a tar, a directory or a stream.
 *
 * **Loading.** `openFiles` opens the named files of an archive. The files of a directory or a plain tar are read in
 * place. A stream is read once, and each layer goes to a job before any document names it. `ociImages` and
 * `dockerImages` read the documents. These functions together make an `ImageSource` of the archive.
 *
 * **Saving.** `layoutOf` lists the files of an archive that is both an OCI layout and a docker-archive. `layoutTar` and
 * `layoutDirectory` are the `ImageSink`s that write them.
 *
 * @module
 */
export { type LoadArchiveOptions, loadImages } from "./load.ts";
export type { ArchiveInput } from "./open_files.ts";
export { saveImages, type SaveOptions, saveToDirectory, saveToFile } from "./save.ts";
export { writeFile } from "./write_file.ts";
