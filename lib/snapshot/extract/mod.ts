/**
 * Trees as plain directories.
 *
 * @module
 */
export type * from "./contract.ts";
export { extractTree } from "./extract.ts";
export { addReports } from "./report.ts";
