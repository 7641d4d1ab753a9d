/**
 * What other rooms need of the store, and users do not: narrowing to a disk store, and the names on the disk.
 *
 * @module
 */
export { DRIVER_FILES, ROOT_FILES, SNAPSHOT_FILES } from "./disk/names.ts";
export { requireDisk } from "./disk_store.ts";
