/**
 * What other rooms need of archives; not part of the public API.
 *
 * @module
 */
export { isReadInPlace, type LayoutImage, planLayout } from "./plan_layout.ts";
export { type NameInArchive, writeArchive, writeLayout } from "./write_planned.ts";
export { loadOne, readArchive } from "./read_archive.ts";
