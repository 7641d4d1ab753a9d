/** A view of layers shows what their fold is, and reads no more than it needs. */
import { assert, assertEquals } from "@std/assert";
import type { ByteString } from "../../lib/bytes/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { foldLayers } from "../../lib/layer/mod.ts";
import { viewLayers } from "../../lib/layer/internal.ts";
import { OverlayView } from "../../lib/tree/internal.ts";
import { list, openTree, resolve, rootOf, type Tree, walk } from "../../lib/tree/mod.ts";
import { layerOf } from "../support/extraction/arena.ts";
import { prng } from "../support/prng.ts";
import { concat, file, gnuLong, header } from "../support/tar/raw_blocks.ts";
import { fileOf } from "../support/trees/encoded_tree.ts";
import { randomStack } from "../support/trees/random_stack.ts";
import { b } from "../support/trees/tree_nodes.ts";

/** Compares all that a view says with a tree. */
function assertShows(view: OverlayView, tree: Tree, what: string): void {
  const paths = [...walk(tree)].map(({ path, node }) => ({ path, node }));
  assertEquals(view.resolve(b("")), { path: b(""), node: rootOf(tree) }, what);
  for (const { path, node } of [{ path: b(""), node: rootOf(tree) }, ...paths]) {
    for (const followLast of [false, true]) {
      for (const more of ["", "/", "/.", "/..", "/a", "/../b/c"]) {
        const asked = path + more as ByteString;
        assertSame(
          verdict(() => view.resolve(asked, { followLast })),
          verdict(() => resolve(tree, asked, { followLast })),
          `${what}: ${asked}`,
        );
      }
    }
    const listed = verdict(() => [...view.list(path)]);
    assertSame(listed, verdict(() => [...list(tree, path)]), `${what}: ${path}`);
    assertEquals(Array.isArray(listed), node.type === "directory");
  }
}

/** Asserts that two values are equal. Calls `assertEquals`, which is slow, only when their texts differ. */
function assertSame(actual: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) assertEquals(actual, expected, what);
}

function verdict<T>(look: () => T): T | string {
  try {
    return look();
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

Deno.test("a view of random layers shows the fold of them", () => {
  for (let seed = 0; seed < 300; seed++) {
    const layers = randomStack(prng(seed)).map((tar) => layerOf(tar).tree);
    const fold = foldLayers(layers);
    assertShows(viewLayers(layers), fold, `seed ${seed}`);
    // A root tree below the layers.
    const at = seed % (layers.length + 1);
    const below = foldLayers(layers.slice(0, at));
    assertShows(
      new OverlayView([...layers.slice(at).toReversed(), below]),
      fold,
      `seed ${seed} on ${at}`,
    );
  }
});

Deno.test("a look-up in 40,000 implied directories reads the directories on its path only", () => {
  const below = "/a".repeat(3998);
  const entry = (i: number) => [gnuLong("L", `${i}${below}/f`), header({ name: "f" })];
  const end = new Uint8Array(1024);
  const { tree: large } = layerOf(
    concat(...Array.from({ length: 10 }, (_, i) => entry(i)).flat(), end),
  );
  const { tree: small } = layerOf(concat(file("1/a/b", "x"), end));
  let reads = 0;
  const stored = [large, small].map((tree) => {
    const bytes = fileOf(tree);
    return openTree({
      size: bytes.length,
      readSync(offset, length) {
        reads++;
        return bytes.subarray(offset, offset + length);
      },
    });
  });
  const view = viewLayers(stored);
  reads = 0;
  assertEquals(view.resolve(b("1/a/b"))?.node.type, "file");
  assertEquals([...view.list(b("1/a"))].map(({ name }) => name), ["a", "b"]);
  assertEquals([...view.list(b(""))].length, 10);
  assert(reads < 20, `${reads} blocks`);
  assertEquals(view.resolve(b(`7${below}/f`))?.node.type, "file");
  assert(reads < 4100, `${reads} blocks`);
});
