/** What is left of containerd's snapshots when the database is lost: everything that their markers say. */
import { assertEquals } from "@std/assert";
import { adoptChain } from "../../../../lib/containerd/snapshots/adopt.ts";
import { createSnapshotter } from "../../../../lib/snapshot/mod.ts";
import { openStore, rebuildStore, type SnapshotRow } from "../../../../lib/store/mod.ts";
import { checkStore, repairStore } from "../../../../lib/upkeep/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import { applyImage } from "../../../support/containerd/apply_image.ts";
import { diffFixture } from "../../../support/containerd/diff_fixture.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tarOf } from "../../../support/tar/tar_fixture.ts";

const REF = "containerd.io/snapshot.ref";

/** The rows, without their usage: that is measured again when somebody asks. */
function facts(rows: readonly SnapshotRow[]): unknown[] {
  return rows.map(({ usage: _, ...row }) => row);
}

Deno.test({
  name: "a database that is rebuilt without the old one has all snapshots of containerd",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using made = await diffFixture();
    const { store, snapshotter, pool } = made;
    const layers = await applyImage(made, [
      tarOf([{ name: "a", content: "1" }]),
      tarOf([{ name: "b", content: "2" }]),
    ]);
    const [first, top] = layers as [string, string];
    // One that containerd did not unpack. The chainID of a first layer is its diffID.
    const { diffId } = snapshotter.stat(first);
    store.chains.ensure([diffId!]);
    assertEquals(
      await adoptChain(store, { parent: null, labels: { [REF]: diffId!, x: "1" } }, "all"),
      true,
    );
    const [adopted] = snapshotter.walk([`labels."${REF}"==${diffId}`]);
    await snapshotter.prepare("default/9/web", top, { labels: { role: "container" } });
    const before = facts(store.snapshots.all());
    const usage = await snapshotter.usage(top);
    await made.service[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    for (const end of ["", "-wal", "-shm"]) {
      await Deno.remove(`${store.root}/meta.db${end}`).catch(() => {});
    }
    assertEquals((await rebuildStore(store.root)).kept, null);

    await using again = await openStore({ root: store.root, durability: "none" });
    assertEquals(facts(again.snapshots.all()), before);
    assertEquals(await checkStore(again), []);
    const reopened = createSnapshotter(again, { driver: "erofs", pool, scope: "containerd" });
    assertEquals(await reopened.usage(top), usage);
    await made.change(await reopened.mounts("default/9/web"), async (path) => {
      assertEquals(await Deno.readTextFile(`${path}/a`), "1");
      assertEquals(await Deno.readTextFile(`${path}/b`), "2");
    });
    for (const key of ["default/9/web", top, first, adopted!.key]) await reopened.remove(key);
    await reopened.cleanup();
    assertEquals(await Array.fromAsync(Deno.readDir(`${store.root}/snapshots`)), []);
  },
});

Deno.test({
  name:
    "a committed snapshot whose layer is lost as well never shows an empty directory in its place",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using made = await diffFixture();
    const { store } = made;
    const [name] = await applyImage(made, [tarOf([{ name: "a", content: "1" }])]);
    const { diffId } = made.snapshotter.stat(name!);
    const directory = store.directories.layer(diffId!);
    await made.service[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    for (const path of [`${store.root}/meta.db`, directory]) {
      await Deno.remove(path, { recursive: true });
    }
    await rebuildStore(store.root);
    await using again = await openStore({ root: store.root, durability: "none" });
    const snapshotter = createSnapshotter(again, {
      ...{ driver: "erofs", pool: made.pool, scope: "containerd" } as const,
    });
    assertEquals(snapshotter.stat(name!).diffId, diffId);
    assertEquals(await codeOf(() => snapshotter.prepare("default/9/web", name!)), "E_PRECONDITION");
    // A new pull brings the layer, and the snapshot is right again.
    await snapshotter.remove(name!);
  },
});

Deno.test({
  name: "a repair gives the snapshot of a layer its marker back",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using made = await diffFixture();
    const { store, snapshotter, pool } = made;
    const [name] = await applyImage(made, [tarOf([{ name: "a", content: "1" }])]);
    const row = snapshotter.stat(name!);
    const directory = store.directories.snapshot(row.cacheId!);
    await Deno.remove(directory, { recursive: true });
    const [found, ...more] = await checkStore(store);
    assertEquals([found?.kind, found?.healedBy, more], ["marker", "repair", []]);
    const { left } = await repairStore(store, { pool });
    assertEquals(left, []);
    assertEquals(await checkStore(store), []);
    assertEquals(snapshotter.stat(name!), row);
  },
});
