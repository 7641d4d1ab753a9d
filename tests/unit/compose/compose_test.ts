/** Composed chains as files: the root tree that is kept beside an image, and how a longer chain uses it. */
import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import { composeChain } from "../../../lib/compose/compose_chain.ts";
import { composeJob, type ComposeJobInput } from "../../../lib/compose/compose_job.ts";
import { writeImageInfo } from "../../../lib/compose/image_info.ts";
import { type DiffId, type Digest, sha256 } from "../../../lib/digest/mod.ts";
import { foldLayers } from "../../../lib/layer/mod.ts";
import type { TreeFile } from "../../../lib/store/mod.ts";
import { walk } from "../../../lib/tree/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { needs } from "../../support/machine/needs.ts";
import { snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { contentModel, LAYERS } from "../../support/trees/erofs_trees.ts";
import { treeOf } from "../../support/trees/model_tree.ts";
import { random } from "../../support/trees/random_tree.ts";
import { fileOf } from "../../support/trees/encoded_tree.ts";

const CASES = 60;

Deno.test("an image is the same with a kept root tree of its lower layers, without one, and with a damaged one", async () => {
  await using temp = await tempDir();
  const contents = [...LAYERS].map(([diffId, bytes]) => {
    const path = temp.join(diffId.slice(7, 19));
    Deno.writeFileSync(path, bytes);
    return [diffId, path] as const;
  });
  const context = {
    signal: new AbortController().signal,
    throwIfAborted: () => {},
  } as Parameters<typeof composeJob.run>[1];
  for (let seed = 0; seed < CASES; seed++) {
    const r = random(seed);
    const layers = Array.from(
      { length: 2 + r(4) },
      () => treeOf(contentModel(r, "layer", 30), "layer"),
    );
    const trees = await Promise.all(layers.map(async (tree, i) => {
      const path = temp.join(`${seed}-layer-${i}`);
      const bytes = fileOf(tree);
      await Deno.writeFile(path, bytes);
      return { diffId: sha256(bytes) as DiffId, path, sum: r(2) === 0 ? null : sha256(bytes) };
    }));
    const compose = async (
      name: string,
      input: Pick<ComposeJobInput, "trees" | "below">,
      keptFrom: number,
    ) => {
      const target = temp.join(`${seed}-${name}`);
      await Deno.mkdir(target);
      const about = await composeJob.run(
        { contents, dirty: [], siblings: [], generation: 0, ...input, target, keptFrom },
        context,
      );
      return { about, image: await Deno.readFile(`${target}/image`), tree: `${target}/tree` };
    };
    const n = 1 + r(layers.length - 1);
    const expected = await compose("whole", { trees, below: null }, Infinity);
    assertEquals(await Deno.stat(expected.tree).catch(() => null), null);
    const part = await compose("part", { trees: trees.slice(0, n), below: null }, 0);
    assertEquals(await Deno.readFile(part.tree), fileOf(foldLayers(layers.slice(0, n))));
    const kept = { path: part.tree, sum: part.about.kept as Digest, layers: n };
    assertEquals(part.about.kept, sha256(await Deno.readFile(part.tree)));
    const same = async (name: string, below: ComposeJobInput["below"]) => {
      const made = await compose(name, { trees, below }, Infinity);
      assertEquals(made.about, expected.about, `${name}, seed ${seed}`);
      assertEquals(made.image, expected.image, `${name}, seed ${seed}`);
    };
    await same("on it", kept);
    await same("on another", { ...kept, sum: expected.about.digest });
    const bytes = await Deno.readFile(part.tree);
    const at = r(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << r(8));
    await Deno.remove(part.tree);
    await Deno.writeFile(part.tree, bytes);
    await same("on a damaged one", kept);
    await Deno.remove(part.tree);
    await same("on none", kept);
  }
});

Deno.test({
  name: "a chain is composed from the longest root tree that was kept of its lower layers",
  ...needs({ root: true }),
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool } = fixture;
    const names = ["a", "b", "c", "d"];
    const { diffIds } = await fixture.chain(names.map((name) => [{ name }]));
    const compose = (n: number) => composeChain({ store, pool, diffIds: diffIds.slice(0, n) });
    const trees = await Promise.all(diffIds.map((diffId: DiffId) => store.layers.tree(diffId)));
    for (const n of [1, 2, 3]) {
      const { directory, image } = await compose(n);
      const tree = foldLayers(trees.slice(0, n));
      assertEquals(image.tree, tree.digest);
      // The job keeps no root tree of a fold so small: the test writes it.
      if (n === 3) continue;
      const bytes = fileOf(tree);
      await Deno.writeFile(`${directory}/tree`, bytes);
      await Deno.remove(`${directory}/image.json`);
      writeImageInfo(directory, { ...image, kept: sha256(bytes) });
    }
    // The layers that are folded into the kept tree are not read.
    for (const diffId of diffIds.slice(0, 2)) {
      const { path } = store.directories?.layerTree(diffId) as TreeFile;
      const bytes = await Deno.readFile(path);
      await Deno.remove(path);
      await Deno.writeFile(path, bytes.fill(0));
    }
    assertEquals((await compose(4)).image.tree, foldLayers(trees).digest);
  },
});

Deno.test({
  name:
    "a damaged layer tree is reported, with and without a known sum, and the next ingest makes it again",
  ...needs({ root: true }),
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    const layers = [[{ name: "a" }], [{ name: "b" }]];
    const { diffIds } = await fixture.chain(layers);
    const [first, second] = diffIds as [DiffId, DiffId];
    const file = (diffId: DiffId) => store.directories?.layerTree(diffId) as TreeFile;
    // As in a store whose layers came before sums were noted.
    const db = new DatabaseSync(`${store.root}/meta.db`);
    db.prepare("UPDATE layer SET tree_sum = NULL WHERE diff_id = ?").run(first);
    db.close();
    assertEquals(file(first).sum, null);
    assertEquals(file(second).sum, sha256(await Deno.readFile(file(second).path)));
    await composeChain({ store, pool, diffIds });
    const ways = (diffId: DiffId) => [
      () => composeChain({ store, pool, diffIds: [diffId, diffId] }),
      () =>
        snapshotter.view(
          `view of ${diffId}`,
          snapshotter.ensureChain(store.chains.ensure([diffId])),
        ),
      async () => [...walk(await store.layers.tree(diffId))],
    ];
    for (const diffId of [first, second]) {
      for (const way of ways(diffId)) {
        const { path } = file(diffId);
        const bytes = await Deno.readFile(path);
        const at = bytes.length >> 1;
        bytes[at] = (bytes[at] as number) ^ 1;
        await Deno.remove(path);
        await Deno.writeFile(path, bytes);
        assertEquals(await codeOf(way), "E_DAMAGE");
        assertEquals(store.layers.get(diffId)?.verifiedAt, 0);
        await fixture.chain(layers);
        assertEquals(await codeOf(way), "ok");
      }
    }
  },
});
