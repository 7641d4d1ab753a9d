/**
 * Trees and plain files: scans make layer trees and tars of directories, extraction makes files of trees.
 *
 * Other rooms do the work through `internal.ts`; this door holds what users of the library see of it.
 *
 * @module
 */
export type { DropReason, ExtractPolicy, ExtractReport } from "./extract/contract.ts";
export type { Usage } from "./usage.ts";
