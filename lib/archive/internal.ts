/**
 * What other rooms need of archives; not part of the public API.
 *
 * @module
 */
export { readArchive } from "./read_archive.ts";
