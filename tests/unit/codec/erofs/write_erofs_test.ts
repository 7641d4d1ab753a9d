import { assert, assertEquals, assertThrows } from "@std/assert";
import { timestamp } from "../../../../lib/bytes/mod.ts";
import { erofsImageName, readErofs, writeErofs } from "../../../../lib/codec/erofs/mod.ts";
import type { DiffId } from "../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  editTree,
  emptyTree,
  type FileNode,
  lookup,
  type Node,
  type Tree,
  TreeBuilder,
} from "../../../../lib/tree/mod.ts";
import { bytesOf, LAYERS, readLayer } from "../../../support/trees/erofs_trees.ts";
import { b, dir, file, symlink } from "../../../support/trees/tree_nodes.ts";

const [ONE, TWO] = [...LAYERS.keys()] as [DiffId, DiffId];
const GIB = 2 ** 30;

type Named = readonly [name: string, node: Node];

function rootOf(...nodes: readonly Named[]): Tree {
  const builder = new TreeBuilder({ kind: "root" });
  for (const [name, node] of nodes) builder.put(0, b(name), node);
  return builder.finish(null);
}

function at(size: number, position: number, source: DiffId = ONE): FileNode {
  return file(size, 1, { locator: { source, extents: [{ logical: 0, length: size, position }] } });
}

function codeOf(act: () => unknown): string {
  return assertThrows(act, VarveError).code;
}

function read(tree: Tree): Tree {
  return readErofs(bytesOf(writeErofs(tree)), { hash: false });
}

Deno.test("devices are the layers that are used, sorted by diffID", () => {
  const tree = rootOf(["a", at(5, 512, TWO)], ["b", at(5, 512, ONE)], ["c", at(5, 1024, TWO)]);
  const image = writeErofs(tree);
  assertEquals(image.devices, [ONE, TWO]);
  assertEquals(image.inodes, 4);
  assertEquals(image.copied, 0);
  assertEquals(writeErofs(emptyTree("root")).devices, []);
});

Deno.test("a layer with another digest algorithm must be given to the reader", () => {
  const long = `sha512:${"ab".repeat(64)}` as DiffId;
  const image = bytesOf(writeErofs(rootOf(["a", at(5, 512, long)])));
  const locatorIn = (tree: Tree) => (lookup(tree, b("a")) as FileNode).locator;
  assertEquals(locatorIn(readErofs(image, { hash: false })), null);
  const named = readErofs(image, { hash: false, devices: [long] });
  assertEquals(locatorIn(named)?.source, long);
  assertThrows(() => readErofs(image, { devices: [] }), RangeError);
});

Deno.test("files larger than a chunk are cut", () => {
  const size = 5 * GIB + 1;
  const tree = rootOf(["large", at(size, 3 * GIB + 512)]);
  assertEquals((lookup(read(tree), b("large")) as FileNode).locator, {
    source: ONE,
    extents: [{ logical: 0, length: size, position: 3 * GIB + 512 }],
  });
});

Deno.test("a tree that the format cannot hold is refused before anything is written", () => {
  const edge = 2 ** 41 - 512;
  assertEquals(writeErofs(rootOf(["a", at(5, edge - 1024)])).devices, [ONE]);
  assertEquals(codeOf(() => writeErofs(rootOf(["a", at(5, edge)]))), "E_LIMIT");
  assertEquals(codeOf(() => writeErofs(rootOf(["a", file(5)]))), "E_PRECONDITION");
  assertEquals(codeOf(() => writeErofs(rootOf(["n".repeat(256), dir()]))), "E_NAME_TOO_LONG");
  const value = b("v".repeat(65536));
  const xattrs = [{ name: b("user.x"), value }];
  assertEquals(codeOf(() => writeErofs(rootOf(["a", dir({ xattrs })]))), "E_LIMIT");
  const many = Array.from({ length: 400 }, (_, i) => ({
    name: b(`user.${String(i).padStart(3, "0")}`),
    value: b("v".repeat(900)),
  }));
  assertEquals(codeOf(() => writeErofs(rootOf(["a", dir({ xattrs: many })]))), "E_LIMIT");
});

Deno.test("content that must be copied needs `read`, which must return all bytes", () => {
  const tree = rootOf(["a", at(700, 100)]);
  assertThrows(() => writeErofs(tree), TypeError);
  const image = writeErofs(tree, { read: readLayer });
  assertEquals(image.copied, 1024);
  const again = readErofs(bytesOf(image), { hash: false });
  assertEquals((lookup(again, b("a")) as FileNode).locator, null);
  const short = writeErofs(tree, { read: () => new Uint8Array(3) });
  assertEquals(codeOf(() => short.write(() => {})), "E_TRUNCATED");
});

Deno.test("a small layer does not make an image of gigabytes", () => {
  const petabyte = (i: number) => {
    const extents = [{ logical: 2 ** 49 + 4096, length: 512, position: 512 * i }];
    return file(2 ** 50, 1, { locator: { source: ONE, extents } });
  };
  const options = { read: readLayer };
  assert(writeErofs(rootOf(["a", petabyte(1)]), options).size < 2 ** 28);
  const many = Array.from({ length: 9 }, (_, i) => [`f${i}`, petabyte(i)] as const);
  assertEquals(codeOf(() => writeErofs(rootOf(...many), options)), "E_LIMIT");
});

Deno.test("padding is read only in dirty layers", () => {
  const tree = rootOf(["a", at(600, 512)]);
  const asked: number[] = [];
  const zeros = (_: DiffId, position: number, length: number) => {
    asked.push(position);
    return new Uint8Array(length);
  };
  assertEquals(writeErofs(tree, { read: zeros, dirty: new Set([TWO]) }).copied, 0);
  assertEquals(asked, []);
  assertEquals(writeErofs(tree, { read: zeros, dirty: new Set([ONE]) }).copied, 0);
  assertEquals(asked, [1112]);
  assertEquals(writeErofs(tree, { read: readLayer, dirty: new Set([ONE]) }).copied, 512);
});

Deno.test("an image is written in pieces of at most 1 MiB, the same each time", () => {
  const builder = new TreeBuilder({ kind: "root" });
  for (let i = 0; i < 20_000; i++) builder.put(0, b(`entry-${i}`), dir({ mtime: timestamp(i) }));
  const tree = builder.finish(null);
  const image = writeErofs(tree);
  const bytes = bytesOf(image);
  assert(image.size > 2 << 20 && image.size % 512 === 0);
  let largest = 0;
  image.write((piece) => largest = Math.max(largest, piece.length));
  assert(largest <= 1 << 20);
  assertEquals(bytesOf(image), bytes);
  assertEquals(readErofs(bytes).digest, tree.digest);
});

Deno.test("what most inodes share takes little space: time, xattrs, links", () => {
  const sizeOf = (node: (i: number) => Node) =>
    writeErofs(rootOf(...Array.from({ length: 1000 }, (_, i) => [`e${i}`, node(i)] as const))).size;
  const plain = sizeOf(() => file());
  const times = sizeOf((i) => file(0, 0, { mtime: timestamp(i) }));
  assert(times - plain > 31_000, "32 bytes for each time of its own");
  const owner = sizeOf(() => file(0, 0, { uid: 70_000 }));
  assert(owner - plain > 31_000, "large ids need the larger inode");
  const label = (i: number) => [{ name: b("security.x"), value: b(`${"v".repeat(200)}${i}`) }];
  const shared = sizeOf(() => file(0, 0, { xattrs: label(0) }));
  const own = sizeOf((i) => file(0, 0, { xattrs: label(i) }));
  assert(shared - plain < 40_000, `${shared - plain} bytes for one label`);
  assert(own - plain > 200_000);

  const builder = new TreeBuilder({ kind: "root" });
  const first = builder.put(0, b("first"), at(5, 512));
  for (let i = 0; i < 100; i++) builder.link(0, b(`link-${i}`), first);
  const tree = builder.finish(null);
  const image = writeErofs(tree);
  assertEquals(image.inodes, 2);
  assertEquals((lookup(read(tree), b("link-99")) as FileNode).group, "first");
});

Deno.test("xattrs of every namespace read back", () => {
  const names = ["lustre.x", "odd", "security.x", "system.posix_acl_access", "trusted.x", "user."];
  const xattrs = names.map((name) => ({ name: b(name), value: b(`\x00\xff${name}`) }));
  const tree = rootOf(["a", dir({ xattrs })], ["b", dir({ xattrs: xattrs.slice(3) })]);
  assertEquals(read(tree).digest, tree.digest);
});

Deno.test("the image of a layer has whiteout devices and the xattrs of overlayfs", () => {
  const builder = new TreeBuilder({ kind: "layer" });
  builder.put(builder.put(0, b("opaque"), dir({ opaque: true })), b("gone"), { type: "whiteout" });
  builder.put(builder.put(0, b("cut"), dir()), b("gone"), { type: "whiteout" });
  builder.put(builder.put(0, b("above"), dir()), b("cut"), dir());
  const tree = builder.finish(null);
  const image = bytesOf(writeErofs(tree));
  const seen = readErofs(image);
  const xattrs = (path: string) => {
    const node = lookup(seen, b(path));
    return node?.type === "directory"
      ? node.xattrs.map(({ name, value }) => `${name}=${value}`)
      : [];
  };
  assertEquals(xattrs("opaque"), ["trusted.overlay.opaque=y"]);
  assertEquals(xattrs("cut"), ["trusted.overlay.origin="]);
  assertEquals(xattrs("above"), []);
  const whiteout = lookup(seen, b("cut/gone"));
  assert(whiteout?.type === "char" && whiteout.major === 0 && whiteout.minor === 0);
  const layer = readErofs(image, { kind: "layer" });
  assertEquals(lookup(layer, b("cut/gone"))?.type, "whiteout");
  const opaque = lookup(layer, b("opaque"));
  assert(opaque?.type === "directory" && opaque.opaque && opaque.xattrs.length === 0);
});

Deno.test("the name of an image depends on the tree digest and the locators", () => {
  const name = (...nodes: readonly Named[]) => erofsImageName(rootOf(...nodes));
  const first = name(["a", at(5, 512)]);
  assertEquals(name(["a", at(5, 512)]), first);
  const sparse = file(5, 1, {
    locator: { source: ONE, extents: [{ logical: 1, length: 4, position: 512 }] },
  });
  const others = [
    name(["a", at(5, 1024)]),
    name(["a", at(5, 512 + 2 ** 32)]),
    name(["a", at(5, 512, TWO)]),
    name(["b", at(5, 512)]),
    name(["a", sparse]),
    name(["a", file(5)]),
  ];
  assertEquals(new Set([first, ...others]).size, 7);
  // An edited tree has two segments, in which the layers have different numbers.
  const tree = rootOf(["a", at(5, 512, TWO)], ["b", at(5, 512, ONE)], ["c", symlink("d")]);
  const edited = editTree(rootOf(["b", at(5, 512, ONE)]), [
    [b("a"), at(5, 512, TWO)],
    [b("c"), symlink("d")],
  ]);
  assertEquals(erofsImageName(edited), erofsImageName(tree));
  assertEquals(bytesOf(writeErofs(edited)), bytesOf(writeErofs(tree)));
});

Deno.test("a checkpoint is called while a large tree is planned, and ends the plan by an error", () => {
  const names = Array.from({ length: 5000 }, (_, i): Named => [`f${i}`, at(5, 512)]);
  const tree = rootOf(...names);
  let calls = 0;
  const image = writeErofs(tree, { checkpoint: () => void calls++ });
  // Entries are surveyed, then placed.
  assertEquals(calls, 2 * Math.floor(names.length / 1024));
  assertEquals(image.inodes, 1 + names.length);
  for (let last = 1; last <= calls; last++) {
    let left = last;
    const checkpoint = () => {
      if (--left === 0) throw new RangeError("enough");
    };
    assertThrows(() => writeErofs(tree, { checkpoint }), RangeError, "enough");
  }
});
