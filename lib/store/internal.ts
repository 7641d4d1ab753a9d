/**
 * What other rooms need of the store, and users do not.
 *
 * @module
 */
export { requireDisk } from "./disk_store.ts";
