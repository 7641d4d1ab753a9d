/** Extended attributes that somebody chose so that an EROFS image takes long to plan. */
import { assertEquals, assertLess } from "@std/assert";
import { fromBytes } from "../../lib/bytes/mod.ts";
import { readErofs, writeErofs } from "../../lib/codec/erofs/mod.ts";
import { type Tree, TreeBuilder } from "../../lib/tree/mod.ts";
import { bytesOf } from "../support/trees/erofs_trees.ts";
import { b, file } from "../support/trees/tree_nodes.ts";

/** A tree with a file for each value of `user.a`. */
function treeOf(values: Iterable<string>): Tree {
  const builder = new TreeBuilder({ kind: "root" });
  let count = 0;
  for (const value of values) {
    builder.put(
      0,
      b(`f${count++}`),
      file(0, 0, { xattrs: [{ name: b("user.a"), value: b(value) }] }),
    );
  }
  return builder.finish(null);
}

/** Plans an image in less than 10 s, and reads it again. */
function roundTrip(tree: Tree): void {
  const begin = performance.now();
  const image = writeErofs(tree);
  assertLess(performance.now() - begin, 10_000);
  assertEquals(readErofs(bytesOf(image)).digest, tree.digest);
}

const PRIME = 0x0100_0193;
/** `PRIME` times this is 1 in 32 bits. */
const INVERSE = 0x359c_449b;

function hashOf(words: readonly number[], begin: number): number {
  let hash = begin;
  for (const word of words) {
    hash = Math.imul(hash ^ word, PRIME);
    hash ^= hash >>> 15;
  }
  return hash;
}

/** Values of 8 bytes whose sets of xattrs all have the same hash. */
function* crowded(count: number): Generator<string> {
  const words = new Uint32Array(2);
  const name = new Uint32Array(new TextEncoder().encode("user.a\0\0").buffer);
  // One xattr, and the lengths of name and value.
  const begin = hashOf([1, 6, 8, ...name], "none".length);
  for (let i = 0; i < count; i++) {
    words[0] = i;
    words[1] = hashOf([i], begin) ^ Math.imul(0x1234, INVERSE);
    assertEquals(hashOf([...words], begin), 0x1234);
    yield fromBytes(new Uint8Array(words.buffer));
  }
}

Deno.test("60,000 sets of xattrs with the same hash take no longer than others", () => {
  roundTrip(treeOf(crowded(60_000)));
});

Deno.test("3,500 large xattrs of one length take no longer than others", () => {
  const prefix = "v".repeat(17_000);
  roundTrip(treeOf(Array.from({ length: 3500 }, (_, i) => prefix + String(i).padStart(4, "0"))));
});
