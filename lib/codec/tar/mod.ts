/**
 * Tar archives: an incremental reader of every dialect that layers come in, and
 * a deterministic writer.
 *
 * Both are pure: bytes in, calls out; no file is opened.
 *
 * @module
 */
export { encodeTarHeader, type TarEntry } from "./encode_header.ts";
export { tarPadding } from "./format.ts";
/** The types of `@std/tar` that appear in signatures here. */
export type {
  OldStyleFormat,
  PosixUstarFormat,
  TarStreamDir,
  TarStreamEntry,
  TarStreamFile,
  TarStreamInput,
  TarStreamOptions,
} from "@std/tar";
export type { TarHandler } from "./tar_handler.ts";
export { DEFAULT_TAR_LIMITS, type TarLimits } from "./limits.ts";
export { TarReader, type TarReaderOptions } from "./tar_reader.ts";
export {
  entriesFromTarStream,
  type TarStreamInputOptions,
  type TarStreamItem,
  type TarStreamLoss,
  treeToTarStreamInputs,
} from "./std_tar.ts";
export {
  type ReadContent,
  treeEntries,
  type TreeEntriesOptions,
  type TreeEntry,
  writeTree,
  type WriteTreeOptions,
} from "./tree_writer.ts";
export { TarWriter } from "./tar_writer.ts";
