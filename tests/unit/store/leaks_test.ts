import { assertEquals } from "@std/assert";
import { openStore } from "../../../lib/store/mod.ts";
import { bringLayer, sampleLayer } from "../../conformance/store_layers.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { snapshotFacts } from "../../support/snapshots/snapshot_facts.ts";
import "../../support/machine/needs.ts";

leakTest("J26: a store that is closed leaves no descriptor and no file", async () => {
  await using temp = await tempDir();
  {
    await using store = await openStore({ root: temp.join("store") });
    const layer = sampleLayer(1, 300_000, 0);
    const left = await store.ingest();
    await left.layer(sampleLayer(2).key);
    await using ingest = await store.ingest();
    await bringLayer(ingest, layer);
    await ingest.commit();
    const stream = (await store.layers.open(layer.diffId)).getReader();
    await stream.read();
    await stream.cancel();
    (await store.layers.reader(layer.diffId))[Symbol.dispose]();
    await store.layers.tree(layer.diffId);
    await store.blobs.read(layer.digest);
    const { cacheId } = await store.directories!.createSnapshot(snapshotFacts("k"));
    await store.directories!.removeSnapshot(cacheId);
    await store.directories!.ensure({ diffId: layer.diffId }, "fs", () => Promise.resolve());
  }
  const left = await Array.fromAsync(Deno.readDir(temp.join("store", "ingest")), (e) => e.name);
  assertEquals(left, ["index.lock"]);
});
