// Trees of more than one page, and blocks that are larger than a page.
import { assert, assertEquals } from "@std/assert";
import {
  type ByteString,
  decodeTree,
  editTree,
  lookup,
  openTree,
  type Tree,
  TreeBuilder,
  verifyTree,
  walk,
} from "../../../lib/tree/mod.ts";
import { fileOf } from "../../support/trees/encoded_tree.ts";
import { b, dir, file } from "../../support/trees/tree_nodes.ts";

function sample(): Tree {
  const builder = new TreeBuilder({ kind: "root" });
  const value = "v".repeat(60_000) as ByteString;
  for (let d = 0; d < 3; d++) {
    const small = builder.put(0, b(`small-${d}`), dir());
    for (let i = 0; i < 9000; i++) builder.put(small, b(`entry-${i}`), file(1 + i % 3));
    const large = builder.put(0, b(`large-${d}`), dir());
    for (let i = 0; i < 60; i++) {
      builder.put(large, b(`f${i}`), file(0, 0, { xattrs: [{ name: b("user.v"), value }] }));
    }
  }
  return builder.finish(null);
}

Deno.test("blocks larger than a page, and many pages, are stored and read back", () => {
  const tree = sample();
  verifyTree(tree);
  const bytes = fileOf(tree);
  assert(bytes.length > 10 << 20);
  const odd = new Uint8Array(bytes.length + 1);
  odd.set(bytes, 1);
  const lazy = openTree({
    size: bytes.length,
    readSync: (at, length) => bytes.slice(at, at + length),
  });
  const edited = editTree(tree, [[b("large-1/f7"), file(2)], [b("small-2/entry-5"), null]]);
  for (const read of [decodeTree(bytes), decodeTree(odd.subarray(1)), lazy]) {
    verifyTree(read);
    assertEquals(read.digest, tree.digest);
    assertEquals(Array.from(walk(read)).length, tree.count);
    assertEquals(lookup(read, b("large-2/f59")), lookup(tree, b("large-2/f59")));
    const again = editTree(read, [[b("large-1/f7"), file(2)], [b("small-2/entry-5"), null]]);
    assertEquals(again.digest, edited.digest);
    const stored = decodeTree(fileOf(again));
    assertEquals(stored.digest, edited.digest);
    assertEquals(stored.count, tree.count - 1);
    assertEquals(fileOf(decodeTree(fileOf(read))).length, fileOf(read).length);
  }
});

Deno.test("a stored tree is read page by page, not once for each directory", () => {
  const builder = new TreeBuilder({ kind: "root" });
  const count = 2000;
  for (let i = 0; i < count; i++) builder.put(builder.put(0, b(`d${i}`), dir()), b("f"), file(i));
  const bytes = fileOf(builder.finish(null));
  let reads = 0;
  const tree = openTree({
    size: bytes.length,
    readSync(at, length) {
      reads++;
      return bytes.slice(at, at + length);
    },
  });
  assertEquals(Array.from(walk(tree)).length, 2 * count);
  // Some blocks cross the end of a page, and are read alone.
  assert(reads < count / 8, `${reads} reads for ${count} directories`);
});

Deno.test("a long chain of edits keeps at most about twice the needed memory", () => {
  let tree = sample();
  const before = fileOf(tree).length;
  for (let i = 0; i < 200; i++) {
    tree = editTree(tree, [[b(`large-${i % 3}/f${i % 60}`), file(i + 1)]]);
  }
  verifyTree(tree);
  const { retained } = tree as unknown as { retained: number };
  assert(retained < 2 * before + (1 << 23), `${retained} bytes for a tree of ${before}`);
});
