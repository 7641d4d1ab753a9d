/**
 * What other rooms need of archives; not part of the public API.
 *
 * @module
 */
export { archiveSource } from "./load.ts";
