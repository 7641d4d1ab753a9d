import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { commitSnapshot, exportSnapshot, snapshotTrees } from "../../../lib/commit/mod.ts";
import { composedDirectory } from "../../../lib/compose/internal.ts";
import type { ChainId, DiffId } from "../../../lib/digest/mod.ts";
import { foldLayers } from "../../../lib/layer/mod.ts";
import { runsOf } from "../../../lib/snapshot/drivers/ancestors.ts";
import { ancestors } from "../../../lib/snapshot/internal.ts";
import { readImage } from "../../../lib/store/mod.ts";
import { checkStore, collectGarbage } from "../../../lib/upkeep/mod.ts";
import { layerOf } from "../../support/extraction/arena.ts";
import { needs } from "../../support/machine/needs.ts";
import {
  mountAt,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { treeListing } from "../../support/trees/tree_listing.ts";

const NEEDS = needs({ root: true, mount: true });

/** A layer, a directory on it, and two layers on that directory; returns the name of the topmost. */
async function mixedChain({ chain, store, snapshotter, temp }: SnapshotFixture): Promise<string> {
  const { chainId } = await chain([[
    { name: "etc/", type: "dir", mode: 0o751, uid: 7, mtime: 5 },
    { name: "etc/base", content: "base" },
    { name: "gone", content: "gone" },
  ]]);
  const mounts = await snapshotter.prepare("work", snapshotter.ensureChain(chainId));
  {
    await using mounted = await mountAt(mounts, temp.join("work"));
    await Deno.writeTextFile(`${mounted.path}/etc/own`, "own");
    await Deno.mkdir(`${mounted.path}/opt`, { mode: 0o711 });
    await Deno.chmod(`${mounted.path}/opt`, 0o711);
  }
  await snapshotter.commit("directory", "work");
  const { diffIds } = await chain([
    [{ name: ".wh.gone" }, { name: "etc/first", content: "first" }],
    [{ name: "opt/second", content: "second" }, { name: "etc/.wh.own" }],
  ]);
  let parent = "directory";
  for (const diffId of diffIds) parent = putLayer(store, parent, diffId);
  return parent;
}

function putLayer(
  store: SnapshotFixture["store"],
  parent: string,
  diffId: DiffId,
): string {
  const key = `${parent}+`;
  store.snapshots.transact((table) =>
    table.put({
      key,
      kind: "committed",
      parent,
      cacheId: null,
      diffId,
      labels: { kept: "1" },
      createdAt: 0,
      updatedAt: 0,
      usage: null,
    })
  );
  return key;
}

/** The composed images below a snapshot, lowest first; `undefined` for one that is missing. */
function imagesBelow({ store }: SnapshotFixture, top: string): (string | undefined)[] {
  return store.snapshots.read((table) => runsOf(ancestors(table, top)))
    .map((run) => composedDirectory(store, run));
}

async function lowersIn({ store }: SnapshotFixture): Promise<number> {
  const names = await Array.fromAsync(Deno.readDir(store.directories.mounts));
  return names.filter(({ name }) => name.startsWith("erofs-")).length;
}

for (const driver of ["erofs", "overlay"] as const) {
  Deno.test({
    name:
      `${driver}: layers on a directory hide what is below, and their implied directories take its attributes`,
    ...NEEDS,
    async fn() {
      await using fixture = await snapshotFixture(driver);
      const top = await mixedChain(fixture);
      const mounts = await fixture.snapshotter.prepare("c", top);
      await using mounted = await fixture.mount(mounts);
      const namesIn = async (path: string) =>
        (await Array.fromAsync(Deno.readDir(`${mounted.path}/${path}`))).map(({ name }) => name)
          .sort();
      assertEquals(await namesIn(""), ["etc", "opt"]);
      assertEquals(await namesIn("etc"), ["base", "first"]);
      assertEquals(await Deno.readTextFile(`${mounted.path}/opt/second`), "second");
      const etc = await Deno.stat(`${mounted.path}/etc`);
      assertEquals([(etc.mode ?? 0) & 0o7777, etc.uid], [0o751, 7]);
      const opt = await Deno.stat(`${mounted.path}/opt`);
      assertEquals((opt.mode ?? 0) & 0o7777, 0o711);
    },
  });
}

Deno.test({
  name: "erofs: gc keeps, fsck proves and a release unmounts the image of layers on a directory",
  ...NEEDS,
  async fn() {
    await using fixture = await snapshotFixture("erofs");
    const { snapshotter, store } = fixture;
    const top = await mixedChain(fixture);
    {
      await using _ = await fixture.mount(await snapshotter.prepare("c", top));
      assertEquals(await lowersIn(fixture), 2);
      await collectGarbage(store);
      assertEquals(await checkStore(store, { deep: true }), []);
    }
    const images = imagesBelow(fixture, top);
    for (const image of images) await Deno.stat(`${image}/image`);
    const above = `${images.at(-1)}/image`;
    // A flipped bit is found.
    const bytes = await Deno.readFile(above);
    bytes[2000] = (bytes[2000] as number) ^ 1;
    await Deno.chmod(above, 0o600);
    await Deno.writeFile(above, bytes);
    await Deno.chmod(above, 0o444);
    const findings = await checkStore(store, { deep: true });
    assertEquals(findings.map(({ kind }) => kind), ["composed"]);
    snapshotter.release("c");
    assertEquals(await lowersIn(fixture), 0);
    // And a new mount composes it again.
    await using mounted = await fixture.mount(await snapshotter.mounts("c"));
    assertEquals(await Deno.readTextFile(`${mounted.path}/opt/second`), "second");
  },
});

Deno.test({
  name: "native: layers on a directory are refused, with the drivers that can mount them",
  ...NEEDS,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const top = await mixedChain(fixture);
    const error = await assertRejects(() => fixture.snapshotter.prepare("c", top), VarveError);
    assertEquals(error.code, "E_UNSUPPORTED");
    assertEquals(error.details.hint, "use the erofs driver or the overlay driver");
  },
});

Deno.test({
  name: "a commit and an export of a snapshot take layers between directories as they are",
  ...NEEDS,
  async fn() {
    await using fixture = await snapshotFixture("erofs");
    const { snapshotter, store, pool } = fixture;
    const top = await mixedChain(fixture);
    {
      await using mounted = await fixture.mount(await snapshotter.prepare("c", top));
      await Deno.writeTextFile(`${mounted.path}/opt/mine`, "mine");
    }
    const { after } = await snapshotTrees(store, "c", { pool });
    const image = await commitSnapshot(store, "c", { name: "mixed", pool });
    // The directory, the two layers on it, and the snapshot's own.
    assertEquals(image.layers.length, 4);
    const { chainId } = await readImage(store, image.name);
    const diffIds = store.chains.diffIds(chainId as ChainId);
    assertEquals(diffIds.length, 5);
    const root = foldLayers(await Promise.all(diffIds.map((id) => store.layers.tree(id))));
    assertEquals(treeListing(root, false), treeListing(after, false));
    const names = [...treeListing(root, false).keys()];
    assertEquals(names, [".", "etc", "etc/base", "etc/first", "opt", "opt/mine", "opt/second"]);
    const exported = await new Response(await exportSnapshot(store, "c", { pool })).bytes();
    assertEquals(
      treeListing(foldLayers([layerOf(exported).tree]), false),
      treeListing(root, false),
    );
  },
});
