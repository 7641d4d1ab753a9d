import { assert, assertEquals } from "@std/assert";
import {
  erofsImageName,
  readErofs,
  type ReadLayer,
  writeErofs,
} from "../../lib/codec/erofs/mod.ts";
import type { DiffId } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { type Extent, type Tree, walk } from "../../lib/tree/mod.ts";
import {
  bytesOf,
  contentModel,
  LAYERS,
  readLayer,
  withoutImplied,
} from "../support/trees/erofs_trees.ts";
import { treeOf } from "../support/trees/model_tree.ts";
import { type Random, random } from "../support/trees/random_tree.ts";

const CASES = 1000;
const DIRTY = new Set<DiffId>([[...LAYERS.keys()][1] as DiffId]);

/** The locators by path, with adjacent extents joined. */
function locators(tree: Tree): Map<string, string> {
  const out = new Map<string, string>();
  for (const { path, node } of walk(tree)) {
    if (node.type !== "file" || node.locator === null || node.size === 0) continue;
    const joined: Extent[] = [];
    for (const extent of node.locator.extents) {
      const last = joined.at(-1);
      const { logical, length, position } = extent;
      if (
        last !== undefined && last.logical + last.length === logical &&
        last.position + last.length === position
      ) joined[joined.length - 1] = { ...last, length: last.length + length };
      else joined.push({ logical, length, position });
    }
    out.set(path, JSON.stringify([node.locator.source, joined]));
  }
  return out;
}

Deno.test("a tree that is written as an image reads back", () => {
  let [files, found, copied, marked] = [0, 0, 0, 0];
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed);
    const kind = r(3) === 0 ? "layer" : "root";
    const model = contentModel(r, kind, r(50));
    const tree = treeOf(model, kind);
    const image = writeErofs(tree, { read: readLayer, dirty: DIRTY });
    const bytes = bytesOf(image);
    const read = readErofs(bytes, { kind, read: readLayer });
    assertEquals(read.digest, treeOf(withoutImplied(model), kind).digest, `seed ${seed}`);
    assertEquals(read.count, tree.count);
    const wanted = locators(tree);
    for (const [path, locator] of locators(read)) {
      assertEquals(locator, wanted.get(path), `seed ${seed}: ${path}`);
      found++;
    }
    files += wanted.size;
    if (image.copied > 0) copied++;
    if (kind === "layer") marked++;
  }
  assert(found > files / 2, `only ${found} of ${files} files lie in their layers`);
  assert(copied > CASES / 10 && marked > CASES / 5, `${copied} with copies, ${marked} layers`);
});

Deno.test("without copies every locator reads back, and the same tree gives the same bytes", () => {
  for (let seed = 0; seed < 200; seed++) {
    const make = () => treeOf(contentModel(random(seed), "root", 40), "root");
    const [one, other] = [make(), make()];
    const options = { read: readLayer };
    const bytes = bytesOf(writeErofs(one, options));
    assertEquals(bytes, bytesOf(writeErofs(other, options)), `seed ${seed}`);
    assertEquals(erofsImageName(one), erofsImageName(other));
    const image = writeErofs(one, options);
    if (image.copied > 0) continue;
    const holes = [...locators(one)].filter(([, locator]) => locator.endsWith("[]]")).length;
    assertEquals(locators(readErofs(bytes, { hash: false })).size, locators(one).size - holes);
  }
});

/** Reads layers, also those whose names were changed by a mutation. */
const readSome: ReadLayer = (source, position, length) =>
  LAYERS.has(source) ? readLayer(source, position, length) : new Uint8Array(0);

/** Numbers at the limits of sizes, counts and addresses. */
const EDGES = [0, 1, 31, 512, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fe00, 0xffff_ffff];

function mutate(r: Random, image: Uint8Array): Uint8Array {
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  for (let i = 1 + r(4); i > 0; i--) {
    // Mutate mostly the bytes behind the boot block, and the superblock most of all.
    const at = 1024 + r(r(5) === 0 ? 128 : image.length - 1024);
    const what = r(5);
    if (what === 0) image[at] = r(256);
    else if (what === 1) image[at] = (image[at] as number) ^ (1 << r(8));
    else if (what === 2) image.fill(r(2) * 255, at, Math.min(image.length, at + r(40)));
    else if (what === 3) view.setUint32(at & ~3, EDGES[r(EDGES.length)] as number, true);
    else image.copyWithin(at, 1024 + r(image.length - 1024), image.length - r(512));
  }
  return r(6) === 0 ? image.slice(0, r(image.length)) : image;
}

Deno.test("a mutated image is refused or read, in bounded time and memory", () => {
  let refused = 0;
  for (let seed = 0; seed < 3 * CASES; seed++) {
    const r = random(seed + 1_000_000);
    const tree = treeOf(contentModel(r, "root", r(40)), "root");
    const whole = bytesOf(writeErofs(tree, { read: readLayer, dirty: DIRTY }));
    const image = mutate(r, whole);
    let asked = 0;
    const source = {
      size: image.length,
      readSync: (at: number, length: number) => {
        assert(
          at >= 0 && length >= 0 && at + length <= image.length,
          `seed ${seed}: out of bounds`,
        );
        asked += length;
        return image.slice(at, at + length);
      },
    };
    const read = seed % 3 === 0 ? { maxContent: 1 << 22, read: readSome } : { hash: false };
    try {
      const again = readErofs(source, read);
      // Only a further name of an inode takes fewer bytes than an inode.
      assert(again.count <= image.length / 12, `seed ${seed}: ${again.count} entries`);
    } catch (error) {
      assert(
        error instanceof VarveError && ["E_FORMAT", "E_TYPE", "E_LIMIT"].includes(error.code),
        `seed ${seed}: ${error instanceof Error ? error.stack : error}`,
      );
      refused++;
    }
    assert(asked <= 200 * (image.length + 1), `seed ${seed}: ${asked} bytes asked`);
  }
  assert(refused > CASES, `only ${refused} of ${3 * CASES} were refused`);
});
