/**
 * Trees and plain files: everything that turns the one into the other.
 *
 * - **Extraction** (`extract/`) makes files of a tree: a layer with its whiteouts for the overlay driver, or a
 *   whole root file system for the native driver and for `unpackImage`. An {@linkcode ExtractPolicy} says what is
 *   left out, an {@linkcode ExtractReport} what was. `extract/contract.ts` describes its phases.
 * - **Scans** (`scan/`) make a layer of a directory: of the upper directory of an overlay, compared with the layers
 *   below it, or of a whole file system. Commit, export, diff and import of directories use them.
 *   `scan/contract.ts` describes their steps.
 * - **Copies** (`copy_directory.ts`) and **disk use** ({@linkcode Usage}, `usage.ts`) work on directories as they
 *   are, by one walk (`walk_directory.ts`).
 * - **Stubs** (`stubs.ts`) are empty files that a container needs and a commit must not see. **What was left out**
 *   (`left_out.ts`) is what a user who is not root could not set; a commit takes it as unchanged.
 *
 * Directories can be deep, hostile, and in use by others. So all of this works relative to open descriptors, by raw
 * bytes as names, never follows a symbolic link, keeps few descriptors open at any depth, and uses no recursion.
 * It is synchronous and runs in workers: `jobs.ts` has the jobs, the files `…_in_pool.ts` and `copy_jobs.ts` start
 * them.
 *
 * Only reports and policies are public. Other rooms take the rest from `internal.ts`.
 *
 * @module
 */
export type { DropReason, ExtractPolicy, ExtractReport } from "./extract/contract.ts";
export type { Usage } from "./usage.ts";
