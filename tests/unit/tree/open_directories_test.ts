import { assert, assertEquals } from "@std/assert";
import { type ByteString, EPOCH, fromText } from "../../../lib/bytes/mod.ts";
import { type DiffId, sha256 } from "../../../lib/digest/mod.ts";
import { finishTree } from "../../../lib/tree/build/finish_tree.ts";
import { L_DEAD, L_INODE, L_STATE } from "../../../lib/tree/build/record_log.ts";
import { OpenDirectories, PACKED } from "../../../lib/tree/build/open_directories.ts";
import { Packer } from "../../../lib/tree/build/packer.ts";
import { NodeRecords } from "../../../lib/tree/build/node_records.ts";
import {
  type FileNode,
  type Node,
  type Tree,
  TreeBuilder,
  type TreeKind,
  verifyTree,
} from "../../../lib/tree/mod.ts";
import { R_NAME } from "../../../lib/tree/packed/format.ts";
import { fileOf } from "../../support/trees/encoded_tree.ts";
import {
  emptyModel,
  type Inode,
  isDirectory,
  type Item,
  listModel,
  listTree,
  treeOf,
} from "../../support/trees/model_tree.ts";
import {
  type Random,
  random,
  randomDirectory,
  randomLeaf,
  randomName,
} from "../../support/trees/random_tree.ts";

const SOURCE = sha256(new Uint8Array()) as DiffId;
const common = { mode: 0o755, uid: 0, gid: 0, mtime: EPOCH, xattrs: [] };
const DIRECTORY: Node = { type: "directory", ...common, opaque: false, implied: false };
const FIFO: Node = { type: "fifo", ...common, group: null };
const FILE: FileNode = {
  type: "file",
  ...common,
  group: null,
  size: 1,
  digest: null,
  locator: null,
};

/** A record log with its packer and its open directories, as a builder has them. */
function watched() {
  const records = new NodeRecords();
  const { log } = records;
  log.insert(0);
  records.write(0, fromText(""), DIRECTORY);
  const packer = new Packer(log, records.sources);
  const open = new OpenDirectories(log, packer);
  const put = (directory: number, name: string, node: Node): number => {
    log.find(directory, fromText(name));
    const id = log.insert(directory);
    records.write(id, fromText(name), node);
    open.add(directory, id);
    return id;
  };
  const flag = (id: number, flags: number) =>
    log.set(id, R_NAME, (log.get(id, R_NAME) | (flags << 16)) >>> 0);
  const isPacked = (id: number) => log.get(id, L_STATE) === PACKED;
  const finish = () => finishTree({ log, packer, linked: false }, "root", null);
  return { log, open, put, flag, isPacked, finish };
}

Deno.test("a directory is packed when it is left, and again after a late entry", () => {
  const { put, isPacked, finish } = watched();
  const a = put(0, "a", DIRECTORY);
  const b = put(a, "b", DIRECTORY);
  put(b, "x", FIFO);
  put(a, "y", FIFO);
  assert(isPacked(b));
  assert(!isPacked(a));
  const c = put(0, "c", DIRECTORY);
  put(c, "z", FIFO);
  assert(isPacked(a));
  put(b, "late", FIFO);
  assert(!isPacked(a) && !isPacked(b));
  assert(isPacked(c));
  put(0, "end", FIFO);
  assert(!isPacked(b), "packed without what came first");
  assertEquals(listTree(finish()).map(([path]) => path), [
    "a",
    "a/b",
    "a/b/late",
    "a/b/x",
    "a/y",
    "c",
    "c/z",
    "end",
  ]);
});

Deno.test("a directory with rows that are not final is packed at the end", () => {
  const { log, put, flag, isPacked, open } = watched();
  const dead = put(0, "dead", DIRECTORY);
  put(dead, "x", FIFO);
  flag(dead, L_DEAD);
  const linked = put(0, "linked", DIRECTORY);
  log.set(put(linked, "y", FIFO), L_INODE, put(linked, "x", FIFO));
  const untold = put(0, "untold", DIRECTORY);
  put(untold, "x", FILE);
  const above = put(0, "above", DIRECTORY);
  const below = put(above, "below", DIRECTORY);
  put(below, "x", FILE);
  const changed = put(0, "changed", DIRECTORY);
  put(changed, "x", FIFO);
  put(0, "end", FIFO);
  for (const id of [dead, linked, untold, above, below]) assert(!isPacked(id), `node ${id}`);
  assert(isPacked(changed));
  open.change(changed);
  assert(!isPacked(changed));
});

Deno.test("an archive that returns to every directory is packed once, at the end", () => {
  const { put, isPacked } = watched();
  const rounds = 1000;
  const directories: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const id = put(0, `d${i}`, DIRECTORY);
    directories.push(id);
    for (let j = 0; j < 16; j++) put(id, `f${j}`, FIFO);
    if (i > 0) put(directories[i - 1] as number, "late", FIFO);
  }
  const last = put(0, "last", DIRECTORY);
  put(last, "x", FIFO);
  put(0, "end", FIFO);
  assert(!isPacked(last), "packs on, though all was in vain");
});

Deno.test("packed blocks that are mostly garbage are not kept in the tree", () => {
  const directories = 200;
  const build = (late: (builder: TreeBuilder, id: number, i: number) => void): Uint8Array => {
    const builder = new TreeBuilder({ kind: "root" });
    const ids = Array.from({ length: directories }, (_, i) => {
      const id = builder.put(0, fromText(`d${i}`), DIRECTORY);
      for (let j = 0; j < 50; j++) builder.put(id, fromText(`f${j}`), FIFO);
      return id;
    });
    builder.put(0, fromText("end"), FIFO);
    for (const [i, id] of ids.entries()) late(builder, id, i);
    return fileOf(builder.finish(null));
  };
  const whole = build(() => {}).length;
  const changed = build((builder, id) => builder.put(id, fromText("late"), FIFO)).length;
  assert(changed < 1.1 * whole, `${changed} bytes, ${whole} without what came late`);
  const gone = build((builder, _, i) => builder.remove(0, fromText(`d${i}`))).length;
  assert(gone < 1000, `${gone} bytes for one name`);
  const half = build((builder, _, i) => i % 2 === 0 && builder.remove(0, fromText(`d${i}`))).length;
  assert(half <= whole, `${half} bytes`);
});

Deno.test("the way of building does not change the tree", () => {
  for (let seed = 0; seed < 500; seed++) {
    const { tree, model } = wander(random(seed), seed % 2 === 0 ? "root" : "layer");
    verifyTree(tree);
    // Depth first, each name once: every directory is packed when it is left.
    const straight = treeOf(model, tree.kind);
    assertEquals(tree.digest, straight.digest, `seed ${seed}`);
    assertEquals(JSON.stringify(listTree(tree)), JSON.stringify(listModel(model)), `seed ${seed}`);
    assert(fileOf(tree).length <= 3 * fileOf(straight).length, `seed ${seed}: too much in vain`);
  }
});

/** A name that was put: its handle, and its place in the model. */
interface Placed {
  readonly id: number;
  readonly name: ByteString;
  readonly item: Item;
  readonly parent: Item;
}

/**
 * Builds a tree in a way that no archive does: it returns to directories, replaces, links, removes
 * and changes names.
 */
function wander(r: Random, kind: TreeKind): { readonly tree: Tree; readonly model: Item } {
  const builder = new TreeBuilder({ kind });
  const model = emptyModel(kind);
  const own = r(2) === 0 ? SOURCE : null;
  const root: Placed = { id: 0, name: fromText(""), item: model, parent: model };
  const placed = [root];
  const isThere = ({ name, item, parent }: Placed): boolean =>
    item === model || parent.children.get(name) === item &&
      placed.some((one) => one.item === parent && isThere(one));
  const pick = (from: readonly Placed[]): Placed | undefined => from[r(Math.max(1, from.length))];
  for (let steps = r(80); steps > 0; steps--) {
    const there = placed.filter(isThere);
    const directories = there.filter(({ item }) => isDirectory(item));
    // Mostly in the same directory as before, as in archives.
    const into = (r(3) === 0 ? pick(directories) : directories.at(-1)) as Placed;
    const name = randomName(r);
    const old = into.item.children.get(name);
    const place = (id: number, inode: Inode): void => {
      if (old !== undefined && isDirectory(old) && inode.node.type === "directory") {
        old.inode.node = inode.node;
        return;
      }
      const item = { inode, children: new Map() };
      into.item.children.set(name, item);
      placed.push({ id, name, item, parent: into.item });
    };
    switch (r(9)) {
      case 0:
        assertEquals(builder.remove(into.id, name), into.item.children.delete(name));
        break;
      case 1:
        builder.update(into.id, into.item.inode.node = randomDirectory(r, kind));
        break;
      case 2: {
        const target = pick(there.filter(({ item }) => !isDirectory(item)));
        const inode = target?.item.inode;
        if (target === undefined || inode === undefined || inode === old?.inode) break;
        if (inode.node.type !== "whiteout") place(builder.link(into.id, name, target.id), inode);
        break;
      }
      case 3: {
        const id = builder.put(into.id, name, FILE);
        const digest = new Uint8Array(32).fill(1 + r(200));
        const extents = [{ logical: 0, length: 1, position: 512 * r(9) }];
        builder.content(id, digest, extents);
        place(id, { node: { ...FILE, digest, locator: own && { source: own, extents } } });
        break;
      }
      case 4: {
        const target = pick(there.filter(({ item }) => !isDirectory(item)));
        if (target === undefined || target.item.inode.node.type === "whiteout") break;
        const node = { ...target.item.inode.node, mode: r(0o1000) };
        builder.update(target.id, target.item.inode.node = node);
        break;
      }
      default: {
        const node = r(2) === 0 ? randomDirectory(r, kind) : randomLeaf(r, kind);
        place(builder.put(into.id, name, node), { node });
      }
    }
  }
  return { tree: builder.finish(own), model };
}
