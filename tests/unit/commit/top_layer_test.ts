import { assertEquals, assertRejects } from "@std/assert";
import { readTopLayer, sourceOf } from "../../../lib/commit/internal.ts";
import { commitSnapshot } from "../../../lib/commit/mod.ts";
import { StoreLayerIngest } from "../../../lib/image/internal.ts";
import type { DiskStore } from "../../../lib/store/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import { DRIVER_NAMES, snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";

for (const driver of DRIVER_NAMES) {
  Deno.test({
    name: `the layer of the topmost directory alone is that of a commit: ${driver}`,
    ...needs({ root: true, mount: true }),
    fn: async () => {
      await using fixture = await snapshotFixture(driver);
      const { store, pool, snapshotter } = fixture;
      const { chainId } = await fixture.chain([[{ name: "base" }, { name: "gone" }]]);
      const parent = snapshotter.ensureChain(chainId);
      await change(await snapshotter.prepare("below", parent), async (path) => {
        await Deno.writeTextFile(`${path}/middle`, "middle");
      });
      await snapshotter.commit("committed", "below");
      await change(await snapshotter.prepare("top", "committed"), async (path) => {
        await Deno.writeTextFile(`${path}/middle`, "changed");
        await Deno.remove(`${path}/gone`);
      });

      await using ingest = await store.ingest();
      const { signal } = new AbortController();
      const layers = new StoreLayerIngest({ store, ingest, pool, signal, verb: "read" });
      const options = { store: store as DiskStore, pool, key: "top" };
      const before = fixture.jobs.length;
      const { layer } = await readTopLayer(options, sourceOf(store, "top"), layers);
      const made = fixture.jobs.slice(before).filter((name) => name.startsWith("directory-layer"));
      assertEquals(made.length, 1, String(fixture.jobs.slice(before)));
      await ingest.commit();

      const image = await commitSnapshot(store, "top", { pool, now: 0 });
      assertEquals(image.layers.length, 2);
      assertEquals(layer?.diffId, image.layers[1]?.diffId);
      await assertRejects(
        () => readTopLayer(options, sourceOf(store, parent), layers),
        RangeError,
        "it has no directory",
      );

      async function change(
        mounts: Parameters<typeof fixture.mount>[0],
        fn: (path: string) => Promise<void>,
      ): Promise<void> {
        await using mounted = await fixture.mount(mounts);
        await fn(mounted.path);
      }
    },
  });
}
