/**
 * Trees and plain files: everything that turns trees into files, and files into trees.
 *
 * - **Extraction** (`extract/`) writes a tree as files: a layer with its whiteouts for the overlay
 *   driver, or a whole root file system for the native driver and for `unpackImage`. An
 *   {@linkcode ExtractPolicy} says what to leave out, and an {@linkcode ExtractReport} counts what
 *   was left out. `extract/contract.ts` describes its phases.
 * - **Scans** (`scan/`) turn a directory into a layer. The directory is the upper directory of an
 *   overlay, which is compared with the layers below it, or a whole file system. Commit, export,
 *   diff and import of directories use them. `scan/contract.ts` describes their steps.
 * - **Copies** (`copy_directory.ts`) and **disk use** ({@linkcode Usage}, `usage.ts`) work on any
 *   directory, by one walk (`walk_directory.ts`).
 * - **Stubs** (`stubs.ts`) are empty files and directories that a container needs and a commit must
 *   not see.
 * - **What was left out** (`left_out.ts`) is what a user who is not root could not set. A commit
 *   takes it as unchanged.
 *
 * Directories can be deep, hostile, and in use by other processes. So this room works relative to
 * open descriptors, with raw bytes as names. It never follows a symbolic link, keeps few
 * descriptors open at any depth, and does not recurse. Its work is synchronous and runs in workers:
 * `jobs.ts` has the jobs, and the files `…_in_pool.ts` and `copy_jobs.ts` start them.
 *
 * Only reports and policies are public. Other rooms take the rest from `internal.ts`.
 *
 * @module
 */
export type { DropReason, ExtractPolicy, ExtractReport } from "./extract/contract.ts";
export type { Usage } from "./usage.ts";
