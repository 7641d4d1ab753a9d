/**
 * Loads and saves image archives: docker-archives and OCI layouts, as a tar, a directory or a stream.
 *
 * **Loading.** `open_files.ts` opens the named files of an archive. The files of a directory or a plain tar are read in
 * place. A stream is read once, and each layer goes to a job before any document names it. `oci_images.ts` and
 * `docker_images.ts` read the documents. `load.ts` combines these parts into an image source.
 *
 * **Saving.** `layout_files.ts` lists the files of an archive that is both an OCI layout and a docker-archive. `layout_tar.ts`
 * and `layout_directory.ts` are the image sinks that write them.
 *
 * @module
 */
export { archiveOrigin } from "./archive_origin.ts";
export { type LoadArchiveOptions, loadImages } from "./load.ts";
export type { ArchiveInput } from "./open_files.ts";
export { saveImages, type SaveOptions, saveToDirectory, saveToFile } from "./save.ts";
export { writeFile } from "./write_file.ts";
