/**
 * Converts between trees and the streams of `@std/tar`.
 *
 * That package knows only ustar: files and directories, whole seconds, ids below 2^18, names of up
 * to 255 bytes. A value that it cannot hold is an error, or a loss that is reported to the caller.
 * No value is dropped silently.
 *
 * @module
 */
import {
  assertValidPath,
  type TarStreamEntry,
  type TarStreamInput,
  type TarStreamOptions,
} from "@std/tar";
import {
  type ByteString,
  escapeForTerminal,
  fromText,
  secondsAsNumber,
  timestamp,
  toValidText,
} from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Entry, EntryType } from "../../layer/mod.ts";
import { mapKey } from "../../tree/internal.ts";
import type { Tree } from "../../tree/mod.ts";
import type { TarEntry } from "./encode_header.ts";
import { BLOCK, tarPadding } from "./format.ts";
import {
  type ReadContent,
  treeEntries,
  type TreeEntriesOptions,
  type TreeEntry,
} from "./tree_writer.ts";

/** A part of an entry that `@std/tar` cannot hold. */
export interface TarStreamLoss {
  /** The entry's path in the archive. */
  readonly path: ByteString;
  /**
   * The loss. For `"type"`, `"name"` and `"size"`, the whole entry is left out for this reason. For
   * `"hardlink"`, the link became a copy. The other values name a lost attribute.
   */
  readonly what: "type" | "name" | "size" | "hardlink" | "xattrs" | "mtime" | "owner";
}

/** Options of {@linkcode treeToTarStreamInputs}. */
export interface TarStreamInputOptions extends TreeEntriesOptions {
  /** Called for each loss. When absent, the first loss is an error. */
  readonly onLoss?: ((loss: TarStreamLoss) => void) | undefined;
}

/** Limits of `@std/tar` 0.1.10: it writes ids with 6 octal digits, times with 11, sizes with 12. */
const MAX_ID = 8 ** 6 - 1;
const MAX_TIME = 8 ** 11 - 1;
const MAX_SIZE = 8 ** 12 - 1;

/**
 * Makes the inputs of a `TarStream` from a tree. Includes the whiteouts of a layer tree.
 *
 * These entries are left out: symbolic links, devices and FIFOs, names that are not UTF-8 or do not
 * fit, and files over 64 GiB. A hard link becomes a copy. Xattrs, nanoseconds, times before the
 * epoch and large ids are dropped. Each loss is reported to `onLoss`.
 *
 * @example
 * ```ts
 * import { TarStream } from "@std/tar";
 * import { treeToTarStreamInputs } from "@varve/varve/tar";
 * import { emptyTree } from "@varve/varve/tree";
 *
 * const inputs = treeToTarStreamInputs(emptyTree("root"), () => []);
 * let size = 0;
 * for await (const chunk of inputs.pipeThrough(new TarStream())) size += chunk.length;
 * if (size !== 1024) throw new Error("an empty archive is two blocks of zeros");
 * ```
 *
 * @throws {VarveError} `E_UNSUPPORTED` through the stream, at the first loss, when there is no
 * `onLoss`
 */
export function treeToTarStreamInputs(
  tree: Tree,
  read: ReadContent,
  options: TarStreamInputOptions = {},
): ReadableStream<TarStreamInput> {
  return ReadableStream.from(inputsOf(tree, read, options));
}

function* inputsOf(
  tree: Tree,
  read: ReadContent,
  options: TarStreamInputOptions,
): Generator<TarStreamInput> {
  const lose = options.onLoss ?? refuse;
  const files = new Map<ByteString, TreeEntry>();
  for (const item of treeEntries(tree, options)) {
    const { entry } = item;
    const original = entry.type === "hardlink" ? files.get(mapKey(entry.linkname)) : undefined;
    if (entry.type === "hardlink") lose({ path: entry.path, what: "hardlink" });
    else files.set(mapKey(entry.path), item);
    const input = inputOf(entry, original ?? item, read, lose);
    if (input !== undefined) yield input;
  }
}

function inputOf(
  { path }: TarEntry,
  { entry, path: treePath, content }: TreeEntry,
  read: ReadContent,
  lose: (loss: TarStreamLoss) => void,
): TarStreamInput | undefined {
  const name = toValidText(path);
  const what = entry.type !== "file" && entry.type !== "directory"
    ? "type"
    : name === undefined || !isValidPath(name)
    ? "name"
    : entry.size > MAX_SIZE
    ? "size"
    : undefined;
  if (what !== undefined || name === undefined) {
    lose({ path, what: what ?? "name" });
    return undefined;
  }
  const options = optionsOf(path, entry, lose);
  if (entry.type === "directory") return { type: "directory", path: name, options };
  const chunks = content === null ? [] : read(treePath, content);
  const readable = ReadableStream.from(chunks);
  return { type: "file", path: name, size: entry.size, readable, options };
}

function optionsOf(
  path: ByteString,
  entry: TarEntry,
  lose: (loss: TarStreamLoss) => void,
): TarStreamOptions {
  const { mode, uid, gid, mtime } = entry;
  if (entry.xattrs.length > 0) lose({ path, what: "xattrs" });
  const seconds = Math.min(MAX_TIME, Math.max(0, secondsAsNumber(mtime)));
  if (mtime.ns !== 0 || seconds !== secondsAsNumber(mtime)) lose({ path, what: "mtime" });
  const fits = uid <= MAX_ID && gid <= MAX_ID;
  if (!fits) lose({ path, what: "owner" });
  return { mode, uid: fits ? uid : 0, gid: fits ? gid : 0, mtime: seconds };
}

function isValidPath(path: string): boolean {
  try {
    assertValidPath(path);
    return true;
  } catch {
    return false;
  }
}

function refuse({ path, what }: TarStreamLoss): never {
  const subject = escapeForTerminal(path);
  throw new VarveError(
    "E_UNSUPPORTED",
    `Cannot write ${subject} to a TarStream: the stream cannot hold its ${what}`,
    { subject, hint: "use writeTree, or pass onLoss to continue without it" },
  );
}

/** An entry of a `TarStreamEntry` stream, converted. */
export interface TarStreamItem {
  /** The entry. Its extents are positions in the archive that was read. */
  readonly entry: Entry;
  /**
   * The content of a file that is not empty, else `null`. Read it or cancel it; otherwise it is
   * skipped.
   */
  readonly content: ReadableStream<Uint8Array> | null;
}

const TYPES: Readonly<Record<string, EntryType>> = {
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

/** Type flags of PAX and GNU headers, which an `UntarStream` yields as if they were files. */
const DIALECTS = "xgLKS";

/**
 * Converts the entries of an `UntarStream`. As with a `TarReader`, paths, owners and modes are not
 * checked here; `LayerBuilder` of `./layer` checks them.
 *
 * @throws {VarveError} `E_UNSUPPORTED` for PAX and GNU headers, and for names that are not UTF-8,
 *   `E_HEADER` for a malformed number, `E_TYPE` for an unknown type
 */
export async function* entriesFromTarStream(
  stream: AsyncIterable<TarStreamEntry>,
): AsyncGenerator<TarStreamItem> {
  let position = 0;
  for await (const item of stream) {
    const { header, readable } = item;
    const dataAt = position + BLOCK;
    const entry = entryFrom(item, position);
    yield { entry, content: entry.size > 0 && readable !== undefined ? readable : null };
    // The stream waits until each content is read or cancelled, so cancel a content that the caller
    // did not read.
    if (readable !== undefined && !readable.locked) await readable.cancel();
    position = dataAt + (readable === undefined ? 0 : header.size + tarPadding(header.size));
  }
}

function entryFrom({ path, header, readable }: TarStreamEntry, position: number): Entry {
  const subject = escapeForTerminal(fromText(path));
  const fail = (code: "E_UNSUPPORTED" | "E_HEADER" | "E_TYPE", state: string) =>
    new VarveError(code, `Cannot read tar entry ${subject}: ${state}`, { subject });
  if (DIALECTS.includes(header.typeflag)) {
    throw fail("E_UNSUPPORTED", "UntarStream does not know PAX and GNU headers; use TarReader");
  }
  let type = TYPES[header.typeflag];
  if (type === undefined) throw fail("E_TYPE", "its type is unknown");
  if (path.includes("\ufffd") || header.linkname.includes("\ufffd")) {
    throw fail("E_UNSUPPORTED", "UntarStream loses names that are not UTF-8; use TarReader");
  }
  // In archives older than ustar, a trailing slash marks a directory.
  if (type === "file" && !("magic" in header) && path.endsWith("/")) type = "directory";
  const size = type === "file" ? header.size : 0;
  const { mode, uid, gid, mtime } = header;
  const isDevice = type === "char" || type === "block";
  const [devmajor, devminor] = isDevice && "magic" in header
    ? [parseInt(header.devmajor || "0", 8), parseInt(header.devminor || "0", 8)]
    : [0, 0];
  for (const number of [mode, uid, gid, mtime, size, devmajor, devminor]) {
    if (!(Number.isSafeInteger(number) && number >= 0)) {
      throw fail("E_HEADER", "a number of its header is malformed");
    }
  }
  if (size > 0 && (path.endsWith("/") || readable === undefined)) {
    throw fail("E_TYPE", "it is named like a directory and has content");
  }
  const isLink = type === "hardlink" || type === "symlink";
  return {
    path: fromText(path),
    type,
    mode,
    uid,
    gid,
    mtime: timestamp(mtime),
    size,
    linkname: fromText(isLink ? header.linkname : ""),
    devmajor,
    devminor,
    xattrs: [],
    extents: size > 0 ? [{ logical: 0, length: size, position: position + BLOCK }] : [],
  };
}
