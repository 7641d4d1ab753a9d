import { assert, assertEquals } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import {
  decodeTree,
  type Edit,
  editTree,
  fromText,
  lookup,
  openTree,
  type Tree,
  type TreeKind,
  verifyTree,
  walk,
} from "../../lib/tree/mod.ts";
import { fileOf } from "../support/trees/encoded_tree.ts";
import { listTree, treeOf } from "../support/trees/model_tree.ts";
import {
  type Random,
  random,
  randomDirectory,
  randomLeaf,
  randomModel,
  randomName,
} from "../support/trees/random_tree.ts";

const CASES = 1000;

function open(file: Uint8Array): Tree {
  return openTree({ size: file.length, readSync: (at, length) => file.slice(at, at + length) });
}

function randomTree(r: Random): Tree {
  const kind = r(2) === 0 ? "layer" : "root";
  let tree = treeOf(randomModel(r, kind, r(60)), kind);
  // An edited tree has two segments.
  if (r(2) === 0) {
    tree = editTree(
      tree,
      Array.from({ length: 1 + r(4) }, () => randomEdit(r, kind)),
    );
  }
  return tree;
}

/** A change of one of a few names, so that an edit often changes a name several times. */
function randomEdit(r: Random, kind: TreeKind): Edit {
  const name = r(2) === 0 ? randomName(r) : fromText("a");
  return [name, r(5) === 0 ? null : r(3) === 0 ? randomDirectory(r, kind) : randomLeaf(r, kind)];
}

Deno.test("a stored tree reads back, as a whole and block by block", () => {
  for (let seed = 0; seed < CASES; seed++) {
    const tree = randomTree(random(seed));
    verifyTree(tree);
    const file = fileOf(tree);
    const text = JSON.stringify(listTree(tree));
    for (const read of [decodeTree(file), open(file)]) {
      assertEquals(read.digest, tree.digest, `seed ${seed}`);
      assertEquals(read.kind, tree.kind);
      assertEquals(read.count, tree.count);
      assert(JSON.stringify(listTree(read)) === text, `seed ${seed}: another walk`);
      // Storing leaves out the garbage of the builder. Storing the result again leaves out nothing more.
      const again = fileOf(read);
      assert(again.length <= file.length, `seed ${seed}: written again`);
      assertEquals(fileOf(decodeTree(again)).length, again.length, `seed ${seed}: and once more`);
    }
  }
});

Deno.test("a damaged file is refused, unless the damage does not matter", () => {
  let refused = 0;
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed + 1_000_000);
    const tree = randomTree(r);
    const file = fileOf(tree);
    const text = JSON.stringify(listTree(tree));
    for (let i = 1 + r(3); i > 0; i--) {
      const what = r(3);
      const at = r(file.length);
      if (what === 0) file[at] = r(256);
      else if (what === 1) file[at] = (file[at] as number) ^ (1 << r(8));
      else file.fill(r(2) * 255, at, Math.min(file.length, at + r(40)));
    }
    const cut = r(6) === 0 ? file.slice(0, r(file.length)) : file;
    for (const read of [decodeTree, open]) {
      try {
        const again = read(cut);
        assertEquals(JSON.stringify(listTree(again)), text, `seed ${seed}: damage was believed`);
      } catch (error) {
        assert(
          error instanceof VarveError && (error.code === "E_FORMAT" || error.code === "E_DIGEST"),
          `seed ${seed}: ${error}`,
        );
        refused++;
      }
    }
  }
  assert(refused > CASES, `only ${refused} of ${2 * CASES} were refused`);
});

Deno.test("a tree that is read block by block can be edited and looked up", () => {
  for (let seed = 0; seed < 200; seed++) {
    const r = random(seed + 2_000_000);
    const tree = treeOf(randomModel(r, "root", 60), "root");
    const name = randomName(r);
    const node = randomLeaf(r, "root");
    const read = open(fileOf(tree));
    assertEquals(editTree(read, [[name, node]]).digest, editTree(tree, [[name, node]]).digest);
    for (const { path, node } of walk(tree)) assertEquals(lookup(read, path), node);
  }
});
