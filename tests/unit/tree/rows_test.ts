import { assert, assertEquals } from "@std/assert";
import { fromBytes } from "../../../lib/bytes/mod.ts";
import {
  type Node,
  rootOf,
  rootRow,
  type Row,
  type Tree,
  TreeBuilder,
  walk,
} from "../../../lib/tree/mod.ts";
import { treeOf } from "../../support/trees/model_tree.ts";
import { random, randomModel } from "../../support/trees/random_tree.ts";
import { b, dir, file } from "../../support/trees/tree_nodes.ts";

/** All rows of a tree with their paths, in the order of a walk. */
function* rowsOf(row: Row, prefix = ""): Generator<[string, Row]> {
  for (const rows = row.entries(); rows?.valid; rows.next()) {
    const kept = rows.copy();
    yield [prefix + rows.name, rows];
    yield* rowsOf(kept, `${prefix}${kept.name}/`);
    assertEquals(kept.name, rows.name);
  }
}

function assertSame(row: Row, node: Node, name: string): void {
  const start = row.nameStart;
  assertEquals(fromBytes(row.bytes, start, start + row.nameLength), name);
  assertEquals(row.node(), node);
  if (node.type === "whiteout") return assertEquals(row.mode, 0);
  const { lo, hi, ns } = node.mtime;
  assertEquals(
    [row.mode & 0o7777, row.uid, row.gid, row.mtimeLo, row.mtimeHi, row.mtimeNs],
    [node.mode, node.uid, node.gid, lo, hi >>> 0, ns],
  );
  assertEquals(row.hasXattrs, node.xattrs.length > 0);
  const [first, end] = row.xattrWords;
  assertEquals(end > first, row.hasXattrs);
  if (row.hasXattrs) assertEquals(row.words[first], node.xattrs.length);
  if (node.type === "directory") return assertEquals(row.opaque, node.opaque);
  assertEquals(row.group, node.group);
  if (node.type === "symlink") {
    const at = row.targetStart;
    assertEquals(fromBytes(row.bytes, at, at + row.targetLength), node.target);
  }
  if (node.type === "char") assertEquals([row.major, row.minor], [node.major, node.minor]);
  if (node.type !== "file") return;
  assertEquals([row.size, row.source], [node.size, node.locator?.source]);
  const extents = node.locator?.extents ?? [];
  const [from, to] = row.extentWords;
  if (row.position >= 0 && node.size > 0) assertEquals(extents[0]?.position, row.position);
  else assertEquals((to - from) / 6, extents.length);
}

function check(tree: Tree): number {
  const root = rootRow(tree);
  assertSame(root, rootOf(tree), "");
  const nodes = walk(tree)[Symbol.iterator]();
  let count = 0;
  for (const [path, row] of rowsOf(root)) {
    const { value } = nodes.next();
    assertEquals(path, value.path);
    assertSame(row, value.node, value.name);
    count++;
  }
  assert(nodes.next().done);
  return count;
}

Deno.test("rows and nodes have the same fields", () => {
  for (let seed = 0; seed < 100; seed++) {
    const r = random(seed);
    const kind = r(2) === 0 ? "layer" : "root";
    const tree = treeOf(randomModel(r, kind, 80), kind);
    assertEquals(check(tree), tree.count, `seed ${seed}`);
  }
});

Deno.test("rows cross the leaves of a large directory", () => {
  const builder = new TreeBuilder({ kind: "root" });
  for (let i = 0; i < 3000; i++) {
    builder.put(0, b(`entry-${i}`), i % 2 === 0 ? file() : dir({ uid: i }));
  }
  assertEquals(check(builder.finish(null)), 3000);
});
