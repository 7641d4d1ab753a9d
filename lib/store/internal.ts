/**
 * The exports of the store that only other rooms need, which are not part of the public API:
 * narrowing a store to a disk store, the names of files on the disk and of a label, and the name of
 * an image that nobody has named.
 *
 * @module
 */
export { DRIVER_FILES, RELEASED_LABEL, ROOT_FILES, SNAPSHOT_FILES } from "./disk/names.ts";
export { IMAGE_MANIFEST_LABEL } from "./image_labels.ts";
export { requireDisk } from "./disk_store.ts";
export { namelessImage } from "./rules.ts";
