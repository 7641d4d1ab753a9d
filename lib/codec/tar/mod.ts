/**
 * Tar archives: a reader for every dialect that layers use, and a deterministic writer. Both are
 * pure: bytes in, calls out. No file is opened.
 *
 * ## Reading
 *
 * {@linkcode TarReader} takes chunks of any size and calls a {@linkcode TarHandler} with entries
 * and their content.
 *
 *     chunks ─▶ TarReader: cuts the archive into headers, meta bodies, maps, bodies and padding
 *                 └─▶ entry assembler: parses a header (ustar, GNU, star), applies the meta headers
 *                       in front of it (PAX, GNU long names), reads sparse maps
 *                       └─▶ TarHandler: entry, data, hole, endEntry
 *
 * An *entry* is a header with everything that belongs to it. A *meta header* is a PAX or GNU header
 * that describes the next entry. The reader checks the format and its limits. It does not check the
 * meaning of an entry. `LayerBuilder` of `./layer` checks whether paths, owners and whiteouts are
 * safe.
 *
 * ## Writing
 *
 * {@linkcode TarWriter} writes entries one after another, with a PAX header only where ustar cannot
 * hold a value. {@linkcode writeTree} writes a whole tree: a layer tree becomes a layer, with
 * whiteouts; a root tree becomes a plain archive. The same tree always gives the same bytes.
 *
 * {@linkcode treeToTarStreamInputs} and {@linkcode entriesFromTarStream} convert to and from
 * `@std/tar`, which supports less than layers need.
 *
 * @example
 * ```ts
 * import { TarReader, writeTree } from "@varve/varve/tar";
 * import { editTree, emptyTree, fromText, rootOf, toText } from "@varve/varve/tree";
 *
 * const empty = emptyTree("root");
 * const tree = editTree(empty, [[fromText("srv"), rootOf(empty)]]);
 * const paths: string[] = [];
 * const reader = new TarReader({
 *   entry: ({ path }) => paths.push(toText(path)),
 *   hole: () => {},
 *   endEntry: () => {},
 * });
 * for await (const chunk of writeTree(tree, () => [])) reader.push(chunk);
 * reader.end();
 * if (paths.join() !== "srv/") throw new Error("one directory expected");
 * ```
 *
 * @module
 */
export { encodeTarHeader, type TarEntry } from "./encode_header.ts";
export { tarPadding } from "./format.ts";
/** Types of `@std/tar` that appear in signatures of this module. */
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
