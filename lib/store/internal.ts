/**
 * What other rooms need of the store; not part of the public API: narrowing to a disk store, and
 * the names on the disk.
 *
 * @module
 */
export { DRIVER_FILES, ROOT_FILES, SNAPSHOT_FILES } from "./disk/names.ts";
export { requireDisk } from "./disk_store.ts";
