import { type ByteString, compareBytes, EPOCH, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { OPAQUE_MARKER, WHITEOUT_PREFIX } from "../../layer/internal.ts";
import type { EntryType } from "../../layer/mod.ts";
import type {
  Attributes,
  DirectoryNode,
  FileNode,
  NamedNode,
  Node,
  Row,
  Tree,
} from "../../tree/mod.ts";
import { mapKey, rowAt } from "../../tree/internal.ts";
import { ByteBatch } from "./byte_batch.ts";
import type { TarEntry } from "./encode_header.ts";
import { TarWriter } from "./tar_writer.ts";

const ROOT = "./" as ByteString;
const WHITEOUT: Node = { type: "whiteout" };

/** An entry of the archive of a tree. */
export interface TreeEntry {
  /** The entry to write. */
  readonly entry: TarEntry;
  /**
   * Path in the tree, without leading or trailing slash. The path of a whiteout or opaque marker
   * ends in its `.wh.` name.
   */
  readonly path: ByteString;
  /** The file whose content follows; `null` when no content follows. */
  readonly content: FileNode | null;
}

/** Options of {@linkcode treeEntries}. */
export interface TreeEntriesOptions {
  /** Directory whose entries are yielded, with paths relative to it. Default: the root. */
  readonly under?: ByteString | undefined;
}

/** Options of {@linkcode writeTree}. */
export interface WriteTreeOptions extends TreeEntriesOptions {
  /** Aborts the writing; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the content of a file of a tree, with zeros for holes. The chunks must not be changed
 * afterwards.
 */
export type ReadContent = (
  path: ByteString,
  node: FileNode,
) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Yields the entries of the archive of a tree, in the order of writing. Each directory comes before
 * its entries, and names are sorted by bytes; a whiteout is sorted by its `.wh.` name. The first
 * name of a link group is written as the file, the other names as hard links to it.
 *
 * A layer tree becomes a layer: whiteouts become `.wh.name`, opaque directories get a
 * `.wh..wh..opq`, and implied directories are left out. A root tree becomes a plain archive. The
 * root directory is written as `./` only if needed: in a layer, if the layer changes it; in a plain
 * archive, if it differs from 0755, 0:0, mtime 0, no xattrs.
 *
 * Source: OCI image specification, layer.md, "Change Types" and "Whiteouts".
 *
 * @throws {VarveError} `E_WHITEOUT_NAME` when a name of a layer tree would be read as a whiteout,
 *   `E_NOT_FOUND` or `E_NOT_DIR` when `under` is not a directory
 */
export function* treeEntries(
  tree: Tree,
  options: TreeEntriesOptions = {},
): Generator<TreeEntry> {
  const top = (options.under ?? "").replace(/^\/+|\/+$/g, "") as ByteString;
  const isLayer = tree.kind === "layer";
  const start = directoryAt(tree, top);
  const root = start.node() as DirectoryNode;
  const links = new Map<ByteString, ByteString>();
  if (isLayer ? !root.implied : !isPlainRoot(root)) {
    yield { entry: entryOf(ROOT, "directory", root), path: top, content: null };
  }
  const above = top === "" ? "" : `${top}/`;
  const open = (row: Row, path: ByteString) => isLayer ? layerChildren(row, path) : children(row);
  // A stack, not recursion, because hostile input can make a tree of any depth. Each level keeps its
  // place in its directory, because a look-up from the root takes as many steps as the tree is deep.
  const stack = [{ prefix: "", children: open(start, top) }];
  for (let last = stack.at(-1); last !== undefined; last = stack.at(-1)) {
    const next = last.children.next();
    if (next.done === true) {
      stack.pop();
      continue;
    }
    const { node, row } = next.value;
    const name = last.prefix + next.value.name as ByteString;
    const path = above + name as ByteString;
    if (node.type === "directory") {
      const prefix = `${name}/` as ByteString;
      if (!node.implied) yield { entry: entryOf(prefix, "directory", node), path, content: null };
      stack.push({ prefix, children: open(row as Row, path) });
    } else {
      yield leafOf(name, path, node, links);
    }
  }
}

function directoryAt(tree: Tree, path: ByteString): Row {
  const row = rowAt(tree, path);
  const shown = escapeForTerminal(path);
  if (row === undefined) throw new VarveError("E_NOT_FOUND", `Cannot write ${shown}: not found`);
  const { type } = row.node();
  if (type === "directory") return row;
  throw new VarveError("E_NOT_DIR", `Cannot write ${shown}: it is a ${type}`);
}

/**
 * Writes a tree as a tar archive, as a stream. Memory holds the chunks that `read` returns, one
 * path for each link group, and the whiteouts of the current directory and its ancestors.
 *
 * @throws {VarveError} `E_SIZE` when `read` returns more or fewer bytes than the size of the file,
 *   `E_WHITEOUT_NAME` as {@linkcode treeEntries}, `E_LIMIT` as {@linkcode encodeTarHeader}
 */
export async function* writeTree(
  tree: Tree,
  read: ReadContent,
  options: WriteTreeOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const batch = new ByteBatch();
  const writer = new TarWriter((bytes) => batch.add(bytes));
  for (const { entry, path, content } of treeEntries(tree, options)) {
    options.signal?.throwIfAborted();
    writer.entry(entry);
    if (content !== null) {
      for await (const chunk of read(path, content)) {
        options.signal?.throwIfAborted();
        writer.data(chunk);
        yield* batch.take();
      }
    }
    writer.endEntry();
    yield* batch.take();
  }
  writer.finish();
  yield* batch.rest();
}

/** An entry of a directory. */
interface Child extends NamedNode {
  /** The row of the entry, until the next entry is read; `null` for a whiteout or a marker. */
  readonly row: Row | null;
}

/** The entries of a directory, sorted by name. */
function* children(directory: Row): Generator<Child> {
  const rows = directory.entries();
  if (rows === null) return;
  for (; rows.valid; rows.next()) yield { name: rows.name, node: rows.node(), row: rows };
}

/** The entries of a directory of a layer, sorted by the names that are written. */
function* layerChildren(directory: Row, path: ByteString): Generator<Child> {
  const markers = markersOf(directory, path);
  let at = 0;
  for (const child of children(directory)) {
    if (child.node.type === "whiteout") continue;
    if (child.name.startsWith(WHITEOUT_PREFIX)) throw whiteoutName(path, child.name);
    for (; at < markers.length && (markers[at] as ByteString) < child.name; at++) {
      yield { name: markers[at] as ByteString, node: WHITEOUT, row: null };
    }
    yield child;
  }
  for (; at < markers.length; at++) {
    yield { name: markers[at] as ByteString, node: WHITEOUT, row: null };
  }
}

function markersOf(directory: Row, path: ByteString): ByteString[] {
  const markers: ByteString[] = directory.opaque ? [OPAQUE_MARKER] : [];
  for (const { name, node } of children(directory)) {
    if (node.type !== "whiteout") continue;
    // `.wh..wh.x` would be read as an opaque marker, or be ignored.
    if (name.startsWith(WHITEOUT_PREFIX)) throw whiteoutName(path, name);
    markers.push(`${WHITEOUT_PREFIX}${name}` as ByteString);
  }
  return markers.sort(compareBytes);
}

function whiteoutName(path: ByteString, name: ByteString): VarveError {
  const subject = escapeForTerminal((path === "" ? name : `${path}/${name}`) as ByteString);
  return new VarveError(
    "E_WHITEOUT_NAME",
    `Cannot write layer: ${subject} would be read as a whiteout`,
    { subject, hint: "rename or remove it" },
  );
}

/**
 * The entry of a node that is not a directory: a file, a hard link to a name that was written
 * before, or a whiteout.
 */
function leafOf(
  name: ByteString,
  path: ByteString,
  node: Exclude<Node, DirectoryNode>,
  links: Map<ByteString, ByteString>,
): TreeEntry {
  if (node.type === "whiteout") {
    return { entry: entryOf(name, "file", MARKER), path, content: null };
  }
  if (node.group !== null) {
    const group = mapKey(node.group);
    const first = links.get(group);
    if (first !== undefined) {
      const entry = { ...entryOf(name, "hardlink", node), linkname: first, xattrs: [] };
      return { entry, path, content: null };
    }
    links.set(group, name);
  }
  const entry = entryOf(name, node.type, node);
  switch (node.type) {
    case "file": {
      const content = node.size > 0 ? node : null;
      return { entry: { ...entry, size: node.size }, path, content };
    }
    case "symlink":
      return { entry: { ...entry, linkname: node.target }, path, content: null };
    case "char":
    case "block": {
      const { major, minor } = node;
      return { entry: { ...entry, devmajor: major, devminor: minor }, path, content: null };
    }
    case "fifo":
      return { entry, path, content: null };
  }
}

/**
 * The attributes with which whiteouts and opaque markers are written, because they have none in a
 * tree.
 */
const MARKER: Attributes = { mode: 0o644, uid: 0, gid: 0, mtime: EPOCH, xattrs: [] };

function entryOf(path: ByteString, type: EntryType, attributes: Attributes): TarEntry {
  const { mode, uid, gid, mtime, xattrs } = attributes;
  return {
    path,
    type,
    mode,
    uid,
    gid,
    mtime,
    size: 0,
    linkname: "" as ByteString,
    devmajor: 0,
    devminor: 0,
    xattrs,
  };
}

/** Whether a root directory has the default attributes, so that `./` can be left out. */
function isPlainRoot({ mode, uid, gid, mtime, xattrs }: DirectoryNode): boolean {
  return mode === 0o755 && uid === 0 && gid === 0 && xattrs.length === 0 &&
    mtime.lo === 0 && mtime.hi === 0 && mtime.ns === 0;
}
