/** A backup of a store that containerd uses, and the store that is made of it. */
import { assertEquals } from "@std/assert";
import { adoptChain } from "../../../../lib/containerd/snapshots/adopt.ts";
import { createSnapshotter } from "../../../../lib/snapshot/mod.ts";
import { openStore, rebuildStore, type SnapshotRow } from "../../../../lib/store/mod.ts";
import { backupStore, checkStore } from "../../../../lib/upkeep/mod.ts";
import { applyImage } from "../../../support/containerd/apply_image.ts";
import { diffFixture } from "../../../support/containerd/diff_fixture.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tarOf } from "../../../support/tar/tar_fixture.ts";

const REF = "containerd.io/snapshot.ref";

/**
 * The rows, without what is of this machine: the usage, which is measured again when somebody asks, and whether mounts are
 * in use.
 */
function facts(rows: readonly SnapshotRow[]): Omit<SnapshotRow, "usage">[] {
  return rows.map(({ usage: _, labels, ...row }) => {
    const { "varve.released": __, ...kept } = labels;
    return { ...row, labels: kept };
  });
}

Deno.test({
  name: "a backup has containerd's snapshots: layers, directories, adopted chains and containers",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using made = await diffFixture();
    const { store, snapshotter, pool, temp } = made;
    const [first, top] = await applyImage(made, [
      tarOf([{ name: "a", content: "1" }]),
      tarOf([{ name: "b", content: "2" }]),
    ]) as [string, string];
    const { diffId } = snapshotter.stat(first);
    store.chains.ensure([diffId!]);
    await adoptChain(store, { parent: null, labels: { [REF]: diffId! } }, "all");
    const write = (text: string) => (path: string) => Deno.writeTextFile(`${path}/own`, text);
    await made.change(await snapshotter.prepare("default/7/step", top), write("directory"));
    await snapshotter.commit("default/8/step", "default/7/step");
    await made.change(await snapshotter.prepare("default/9/web", "default/8/step"), write("web"));
    await snapshotter.view("default/10/look", "default/8/step");
    await snapshotter.cleanup();
    const before = facts(store.snapshots.all());

    const backup = temp.join("backup");
    await backupStore(store, backup, { pool });
    for (const isRebuilt of [false, true]) {
      if (isRebuilt) {
        for (const end of ["", "-wal", "-shm"]) {
          await Deno.remove(`${backup}/meta.db${end}`).catch(() => {});
        }
        await rebuildStore(backup);
      }
      await using copy = await openStore({ root: backup, create: false, durability: "none" });
      // A view that shows its parent has no directory that could say what it is. containerd makes it again.
      const kept = before.filter((row) => !isRebuilt || row.kind !== "view");
      assertEquals(facts(copy.snapshots.all()), kept);
      assertEquals(await checkStore(copy), []);
      const again = createSnapshotter(copy, { driver: "erofs", pool, scope: "containerd" });
      await made.change(await again.mounts("default/9/web"), async (path) => {
        for (const [name, text] of [["a", "1"], ["b", "2"], ["own", "web"]] as const) {
          assertEquals(await Deno.readTextFile(`${path}/${name}`), text);
        }
      });
    }
  },
});
