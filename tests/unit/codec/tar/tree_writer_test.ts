import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { asByteString, type ByteString, EPOCH, fromText } from "../../../../lib/bytes/mod.ts";
import { treeEntries, writeTree } from "../../../../lib/codec/tar/mod.ts";
import { sha256Bytes } from "../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  type DirectoryNode,
  type FileNode,
  type Node,
  type NodeId,
  type Tree,
  TreeBuilder,
  type TreeKind,
} from "../../../../lib/tree/mod.ts";
import { concat, readTar } from "../../../support/tar/raw_blocks.ts";

const ATTRIBUTES = { mode: 0o755, uid: 0, gid: 0, mtime: EPOCH, xattrs: [] };
const DIRECTORY: DirectoryNode = {
  type: "directory",
  ...ATTRIBUTES,
  opaque: false,
  implied: false,
};
const IMPLIED: DirectoryNode = { ...DIRECTORY, implied: true };
const WHITEOUT: Node = { type: "whiteout" };

function fileOf(content: string): FileNode {
  const bytes = new TextEncoder().encode(content);
  return {
    type: "file",
    ...ATTRIBUTES,
    mode: 0o644,
    group: null,
    size: bytes.length,
    digest: bytes.length === 0 ? null : sha256Bytes(bytes),
    locator: null,
  };
}

/**
 * Builds a tree of paths. Parents without an entry become implied directories, in a root tree plain
 * ones.
 */
function build(kind: TreeKind, nodes: Record<string, Node>, links: Record<string, string> = {}) {
  const builder = new TreeBuilder({ kind });
  const ids = new Map<string, NodeId>();
  const parentOf = (path: string): [NodeId, ByteString] => {
    const slash = path.lastIndexOf("/");
    const name = asByteString(path.slice(slash + 1));
    if (slash < 0) return [builder.root, name];
    const above = path.slice(0, slash);
    const [grandparent, parentName] = parentOf(above);
    const found = builder.child(grandparent, parentName);
    const parent = found >= 0
      ? found
      : builder.put(grandparent, parentName, kind === "layer" ? IMPLIED : DIRECTORY);
    return [parent, name];
  };
  for (const [path, node] of Object.entries(nodes)) {
    ids.set(path, builder.put(...parentOf(path), node));
  }
  for (const [path, target] of Object.entries(links)) {
    builder.link(...parentOf(path), ids.get(target) as NodeId);
  }
  return { builder, finish: () => builder.finish(null) };
}

function tree(kind: TreeKind, nodes: Record<string, Node>, links?: Record<string, string>): Tree {
  return build(kind, nodes, links).finish();
}

/** The paths and types of the written entries, and the targets of links. */
function lines(tree: Tree, under?: string): string[] {
  const options = under === undefined ? {} : { under: fromText(under) };
  return [...treeEntries(tree, options)].map(({ entry }) =>
    entry.linkname === "" ? entry.path : `${entry.path} -> ${entry.linkname}`
  );
}

async function archive(tree: Tree, contents: Record<string, string> = {}): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const read = (path: ByteString) => [new TextEncoder().encode(contents[path] ?? "")];
  for await (const part of writeTree(tree, read)) parts.push(part);
  return concat(...parts);
}

Deno.test("names are sorted by bytes, and each directory comes before its entries", () => {
  const nodes = { "b/x": fileOf(""), "b-": fileOf(""), "a": fileOf(""), "b.": fileOf("") };
  assertEquals(lines(tree("root", { ...nodes, "\xff": fileOf(""), "Z": fileOf("") })), [
    "Z",
    "a",
    "b/",
    "b/x",
    "b-",
    "b.",
    "\xff",
  ]);
});

Deno.test("a layer sorts whiteouts and opaque markers by their own names", () => {
  const layer = tree("layer", {
    "dir": { ...DIRECTORY, opaque: true },
    "dir/.a": fileOf(""),
    "dir/-": fileOf(""),
    "dir/z": fileOf(""),
    "gone": WHITEOUT,
    "!": fileOf(""),
    "a": fileOf(""),
  });
  assertEquals(lines(layer), [
    "!",
    ".wh.gone",
    "a",
    "dir/",
    "dir/-",
    "dir/.a",
    "dir/.wh..wh..opq",
    "dir/z",
  ]);
});

Deno.test("implied directories are left out, their entries are written", () => {
  const layer = tree("layer", {
    "usr/share/doc": fileOf(""),
    "opt": { ...IMPLIED, opaque: true },
    "etc/old": WHITEOUT,
  });
  assertEquals(lines(layer), ["etc/.wh.old", "opt/.wh..wh..opq", "usr/share/doc"]);
});

Deno.test("the root is written only when its attributes matter", () => {
  assertEquals(lines(tree("layer", {})), []);
  assertEquals(lines(tree("root", {})), []);
  for (const kind of ["layer", "root"] as const) {
    const { builder, finish } = build(kind, { "a": fileOf("") });
    builder.update(builder.root, { ...DIRECTORY, mode: 0o700 });
    assertEquals(lines(finish()), ["./", "a"], kind);
  }
  const { builder, finish } = build("layer", { "a": fileOf(""), "b": WHITEOUT });
  builder.setOpaque(builder.root);
  assertEquals(lines(finish()), [".wh..wh..opq", ".wh.b", "a"]);
});

Deno.test("the first name of a link group is written as the file", async () => {
  // The least path is not written first: "b-" < "b/x", but the directory "b" comes before "b-".
  const linked = tree("root", { "b/x": fileOf("hello"), "c": fileOf("other") }, {
    "b-": "b/x",
    "a": "c",
    "z": "b/x",
  });
  assertEquals(lines(linked), ["a", "b/", "b/x", "b- -> b/x", "c -> a", "z -> b/x"]);
  const told = readTar(await archive(linked, { "b/x": "hello", "a": "other" }));
  assertEquals(told.map((t) => [t.entry.type as string, t.content]), [
    ["file", "other"],
    ["directory", ""],
    ["file", "hello"],
    ["hardlink", ""],
    ["hardlink", ""],
    ["hardlink", ""],
  ]);
});

Deno.test("links, devices and FIFOs keep their targets and numbers", () => {
  const root = tree("root", {
    "link": { type: "symlink", ...ATTRIBUTES, group: null, target: fromText("../t") },
    "null": { type: "char", ...ATTRIBUTES, group: null, major: 1, minor: 3 },
    "disk": { type: "block", ...ATTRIBUTES, group: null, major: 8, minor: 1048575 },
    "pipe": { type: "fifo", ...ATTRIBUTES, group: null },
  }, { "pipe2": "pipe" });
  const entries = [...treeEntries(root)].map(({ entry }) => [
    entry.path as string,
    entry.type as string,
    entry.linkname as string,
    entry.devmajor,
    entry.devminor,
  ]);
  assertEquals(entries, [
    ["disk", "block", "", 8, 1048575],
    ["link", "symlink", "../t", 0, 0],
    ["null", "char", "", 1, 3],
    ["pipe", "fifo", "", 0, 0],
    ["pipe2", "hardlink", "pipe", 0, 0],
  ]);
});

Deno.test("B31 a name that would be read as a whiteout is E_WHITEOUT_NAME", () => {
  for (const node of [fileOf(""), DIRECTORY, WHITEOUT]) {
    for (const name of [".wh.foo", ".wh..wh..opq", "d/.wh."]) {
      const error = assertThrows(() => lines(tree("layer", { [name]: node })), VarveError);
      assertEquals(error.code, "E_WHITEOUT_NAME");
    }
  }
  // In a plain archive it is an ordinary name.
  assertEquals(lines(tree("root", { ".wh.foo": fileOf("") })), [".wh.foo"]);
});

Deno.test("a directory of a tree is written as an archive of its own", () => {
  const root = tree("root", {
    "a/b/c": fileOf("1"),
    "a/b/d": fileOf("2"),
    "a/b": { ...DIRECTORY, mode: 0o700 },
    "x": fileOf("3"),
  }, { "a/b/e": "x" });
  for (const under of ["a/b", "/a/b/", "a/b/"]) {
    assertEquals(lines(root, under), ["./", "c", "d", "e"]);
  }
  assertEquals(lines(root, "a"), ["b/", "b/c", "b/d", "b/e"]);
  const paths = [...treeEntries(root, { under: fromText("a") })].map(({ path }) => path as string);
  assertEquals(paths, ["a/b", "a/b/c", "a/b/d", "a/b/e"]);
  assertEquals(assertThrows(() => lines(root, "no"), VarveError).code, "E_NOT_FOUND");
  assertEquals(assertThrows(() => lines(root, "x"), VarveError).code, "E_NOT_DIR");
});

Deno.test("an archive is streamed, and is the same each time", async () => {
  const content = "x".repeat(300_000);
  const root = tree("root", { "big": fileOf(content), "small": fileOf("y") });
  const contents = { big: content, small: "y" };
  const tar = await archive(root, contents);
  assertEquals(readTar(tar).map((t) => t.content), [content, "y"]);
  assertEquals(await archive(root, contents), tar);
  assertEquals(tar.length, 512 + 300_032 + 1024 + 1024);

  const parts: Uint8Array[] = [];
  const read = () => [new TextEncoder().encode(content)];
  for await (const part of writeTree(tree("root", { big: fileOf(content) }), read)) {
    parts.push(part);
  }
  assertEquals(new Set(parts.map((part) => part.buffer)).size, parts.length);
});

Deno.test("a content that changed while it was read is E_SIZE", async () => {
  const root = tree("root", { "f": fileOf("12345") });
  for (const content of ["1234", "123456", ""]) {
    const error = await assertRejects(() => archive(root, { f: content }), VarveError);
    assertEquals(error.code, "E_SIZE");
  }
});

Deno.test("a signal stops the writing with its reason", async () => {
  const root = tree("root", { "f": fileOf("12"), "g": fileOf("34") });
  const controller = new AbortController();
  const reason = new Error("enough");
  const read = function* () {
    yield new Uint8Array(1);
    controller.abort(reason);
    yield new Uint8Array(1);
  };
  const work = async () => {
    const chunks = writeTree(root, read, { signal: controller.signal });
    for await (const _ of chunks);
  };
  assertEquals(await assertRejects(work), reason);
});
