/** Names that somebody chose so that the hash table of a builder has the same slot for all of them. */
import { assertEquals, assertLess } from "@std/assert";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { TreeBuilder, walk } from "../../../lib/tree/mod.ts";
import { HASH_PRIME, HASH_SEED } from "../../../lib/tree/packed/format.ts";
import { b, dir, file } from "../../support/trees/tree_nodes.ts";

/** Two pieces that bring the hash of a name to the same state: at its begin, and after such a piece. */
const BEGIN = ["7yzx", "e6ad"];
const MORE = ["33zx", "epad"];

function hashOf(name: string): number {
  let hash = HASH_SEED;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), HASH_PRIME);
  return hash;
}

/** `2 ** doublings` names with the same hash. */
function crowded(doublings: number): ByteString[] {
  let names = BEGIN;
  for (let i = 1; i < doublings; i++) names = names.flatMap((name) => MORE.map((m) => name + m));
  return names as ByteString[];
}

Deno.test("names with the same hash take no longer than others, and are all found", () => {
  const names = crowded(16);
  assertEquals([new Set(names).size, new Set(names.map(hashOf)).size], [65_536, 1]);
  const builder = new TreeBuilder({ kind: "layer" });
  const begin = performance.now();
  const first = builder.put(0, names[0] as ByteString, dir());
  for (const name of names) builder.put(first, name, file(1));
  for (const name of names) builder.put(0, name, name === names[0] ? dir() : file(2));
  // More names make the table larger, which moves the records.
  for (let i = 0; i < 5000; i++) builder.put(0, b(`other${i}`), dir());
  const ids = names.map((name) => builder.child(0, name));
  assertEquals(new Set(ids).size, names.length);
  assertEquals(ids[0], first);
  // Replaced and removed, wherever the record lies.
  for (const [i, name] of names.entries()) {
    if (i % 16 === 1) builder.put(0, name, dir());
    if (i % 16 === 2) builder.remove(0, name);
  }
  for (const [i, name] of names.entries()) {
    const id = builder.child(0, name);
    const expected = i % 16 === 2 ? undefined : i % 16 === 1 || i === 0 ? "directory" : "file";
    assertEquals(id < 0 ? undefined : builder.typeOf(id), expected);
  }
  const tree = builder.finish(null);
  assertEquals(tree.count, names.length * 2 - names.length / 16 + 5000);
  assertEquals(Array.from(walk(tree)).length, tree.count);
  assertLess(performance.now() - begin, 10_000);
});

Deno.test("names with the same hash are found when the table grows, wherever they lie in it", () => {
  const names = crowded(9);
  // Each directory has another place in the table; some places are at its end.
  for (let before = 1; before < 100; before++) {
    const builder = new TreeBuilder({ kind: "layer" });
    let directory = 0;
    for (let i = 0; i < before; i++) directory = builder.put(0, b(`d${i}`), dir());
    const ids = names.map((name, i) => {
      if (i % 4 === 0) builder.put(0, b(`other${i}`), dir());
      return builder.put(directory, name, dir());
    });
    for (let i = 0; i < 1500; i++) builder.put(0, b(`more${i}`), dir());
    assertEquals(names.map((name) => builder.child(directory, name)), ids);
  }
});
