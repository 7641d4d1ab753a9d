/**
 * What other rooms need of the upkeep; not part of the public API.
 *
 * @module
 */
export { repairFrom } from "./repair/repair_store.ts";
