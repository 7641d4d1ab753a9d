/** Layers for tests: entries in short form, and layer trees as lines. */
import { type ByteString, EPOCH, fromText, timestamp, toHex } from "../../../lib/bytes/mod.ts";
import { type DiffId, sha256, sha256Bytes } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import {
  type BuiltLayer,
  type Entry,
  type EntryType,
  LayerBuilder,
  type LayerBuilderOptions,
} from "../../../lib/layer/mod.ts";
import { type Node, rootOf, type Tree, walk, type Xattr } from "../../../lib/tree/mod.ts";

/** The diffID of the layer that all entries of tests lie in. */
export const TEST_DIFF_ID: DiffId = sha256(new Uint8Array(1)) as DiffId;

/** An entry: path, type, and what differs from an empty file of mode 0644 that root owns. */
export function entryOf(
  path: string,
  type: EntryType = "file",
  more: Partial<Omit<Entry, "linkname">> & { readonly linkname?: string } = {},
): Entry {
  const { linkname, ...rest } = more;
  const size = rest.size ?? 0;
  return {
    path: fromText(path),
    type,
    mode: type === "directory" ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtime: EPOCH,
    size,
    linkname: fromText(linkname ?? ""),
    devmajor: 0,
    devminor: 0,
    xattrs: [],
    extents: size > 0 ? [{ logical: 0, length: size, position: 512 }] : [],
    ...rest,
  };
}

/** A regular file that holds `mark`, so that a test can tell which one it is by its mtime. */
export function file(path: string, mark = 0): Entry {
  return entryOf(path, "file", { mtime: timestamp(mark) });
}

/** A directory. */
export function dir(path: string, mark = 0): Entry {
  return entryOf(path, "directory", { mtime: timestamp(mark) });
}

/** A symbolic link. */
export function symlink(path: string, target: string): Entry {
  return entryOf(path, "symlink", { linkname: target });
}

/** A hard link. */
export function hardlink(path: string, target: string): Entry {
  return entryOf(path, "hardlink", { linkname: target });
}

/** A character device. */
export function char(path: string, major: number, minor: number): Entry {
  return entryOf(path, "char", { devmajor: major, devminor: minor });
}

/** An extended attribute; a name or value of bytes is one char a byte. */
export function xattr(name: string, value = ""): Xattr {
  return { name: name as ByteString, value: value as ByteString };
}

/** The digest that tests give a file's content: that of its mtime. */
export function testContent(entry: Entry): Uint8Array {
  return sha256Bytes(new TextEncoder().encode(`${entry.mtime.lo} ${entry.size}`));
}

/** Builds a layer. */
export function build(entries: readonly Entry[], options: LayerBuilderOptions = {}): BuiltLayer {
  const builder = new LayerBuilder(options);
  for (const entry of entries) if (builder.entry(entry)) builder.content(testContent(entry));
  return builder.finish(TEST_DIFF_ID);
}

/** The code that a layer is refused with; `"OK"` when it is accepted. */
export function verdict(entries: readonly Entry[], options: LayerBuilderOptions = {}): string {
  try {
    build(entries, options);
    return "OK";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

/** A tree as a map from each path to a line that describes its node; the root is `""`. */
export function linesOf(tree: Tree): Map<string, string> {
  const out = new Map<string, string>([["", lineOf(rootOf(tree))]]);
  for (const { path, node } of walk(tree)) out.set(path, lineOf(node));
  return new Map([...out].sort(([a], [b]) => a < b ? -1 : 1));
}

/** The paths of a tree with a short word for each node: `a/b dir`, `a/c hidden`. */
export function sketch(tree: Tree): string[] {
  const root = rootOf(tree).opaque ? ["/ opaque"] : [];
  return [...root, ...[...walk(tree)].map(({ path, node }) => `${path} ${word(node)}`)];
}

function word(node: Node): string {
  switch (node.type) {
    case "directory":
      return `dir${node.opaque ? " opaque" : ""}${node.implied ? " implied" : ""}`;
    case "whiteout":
      return "hidden";
    case "symlink":
      return `-> ${node.target}`;
    default:
      return node.type;
  }
}

function lineOf(node: Node): string {
  if (node.type === "whiteout") return "whiteout";
  const xattrs = node.xattrs.map(({ name, value }) => `${name}=${value}`);
  const flags = node.type === "directory"
    ? (node.opaque ? " opaque" : "") + (node.implied ? " implied" : "")
    : "";
  const size = node.type === "file" ? node.size : 0;
  const digest = node.type === "file" && node.digest !== null ? toHex(node.digest) : "";
  const target = node.type === "symlink" ? node.target : "";
  const rdev = node.type === "char" || node.type === "block" ? `${node.major}:${node.minor}` : "";
  const group = node.type === "directory" ? "" : node.group ?? "";
  const { hi, lo, ns } = node.mtime;
  return `${node.type}${flags} ${
    node.mode.toString(8)
  } ${node.uid}:${node.gid} ${hi}.${lo}.${ns} ` +
    `[${xattrs}] ${size} ${digest} ${target} ${rdev} ${group}`;
}
