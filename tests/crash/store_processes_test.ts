import { assertEquals } from "@std/assert";
import { openStore, type Store } from "../../lib/store/mod.ts";
import { filesOf, judgeStore } from "../conformance/store_judge.ts";
import { bringLayer, sampleLayer } from "../conformance/store_layers.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { startChild } from "./store_children.ts";
import { snapshotFacts } from "../support/snapshots/snapshot_facts.ts";
import "../support/machine/needs.ts";

Deno.test("P5: two processes that bring one layer make it once", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await using first = startChild({ root, seeds: [1, 2], image: "a", hold: "begun" });
  await first.until("begun");
  await using second = startChild({ root, seeds: [1, 2], image: "b" });
  await second.until("open");
  await first.go();
  await first.until("new");
  await first.go();
  assertEquals([await first.end(), await second.end()], [0, 0]);
  const made = [...first.words, ...second.words].filter((word) => word === "new");
  assertEquals(made.length, 2);
  await using store = await openStore({ root });
  assertEquals(store.images.list().map((i) => i.name), ["a", "b"]);
  assertEquals(store.layers.list().length, 2);
  await judgeStore(store);
});

Deno.test("J13: four processes with shared layers leave one of each", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const children = [[1, 2, 3], [3, 2, 4], [2, 1, 5], [3, 1, 2]].map((seeds, i) =>
    startChild({ root, seeds, image: `image-${i}` })
  );
  assertEquals(await Promise.all(children.map((child) => child.end())), [0, 0, 0, 0]);
  const made = children.flatMap((child) => child.words.filter((word) => word === "new"));
  assertEquals(made.length, 5);
  await using store = await openStore({ root });
  assertEquals(store.images.list().length, 4);
  await judgeStore(store);
});

for (const hold of ["begun", "finished"] as const) {
  Deno.test(`J22: a process killed with a layer ${hold} leaves nothing and blocks nobody`, async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    await using store = await openStore({ root });
    const before = await filesOf(root);
    await using child = startChild({ root, seeds: [1], image: "a", hold });
    await child.until(hold);
    {
      await using waiting = await store.ingest();
      const begun = waiting.layer(sampleLayer(1, 4096, 0).key, { blob: true });
      if (hold === "finished") assertEquals((await begun).state, "present");
      await child.kill();
      const { state } = await begun;
      assertEquals(state, hold === "begun" ? "new" : "present");
    }
    await using healed = await openStore({ root });
    assertEquals(healed.layers.list(), []);
    await judgeStore(healed);
    await bring(healed, "a");
    assertEquals((await filesOf(root)).length > before.length, true);
    await judgeStore(healed);
  });
}

Deno.test("P5: a start does not touch what a live process stages", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await using child = startChild({ root, seeds: [1, 2], image: "a", hold: "finished" });
  await child.until("finished");
  // Makes the start look everywhere: an end that was not clean.
  await Deno.writeTextFile(`${root}/ingest/0123456789abcdef.lock`, "");
  await Deno.mkdir(`${root}/ingest/0123456789abcdef`);
  {
    await using store = await openStore({ root });
    const { path } = await store.directories!.createSnapshot(snapshotFacts("k"));
    await Deno.writeTextFile(`${root}/ingest/fedcba9876543210.lock`, "");
    await using other = await openStore({ root });
    assertEquals((await Deno.stat(path)).isDirectory, true);
    assertEquals(other.snapshots.read((table) => table.list()), []);
  }
  await child.go();
  assertEquals(await child.end(), 0);
  await using store = await openStore({ root });
  assertEquals(store.images.list().length, 1);
  await judgeStore(store, { snapshots: 1 });
});

async function bring(store: Store, image: string): Promise<void> {
  await using ingest = await store.ingest();
  const layer = sampleLayer(1, 4096, 0);
  await bringLayer(ingest, layer);
  ingest.image(image, await ingest.blob(new Uint8Array(1), "text/plain"));
  ingest.chain([layer.diffId]);
  await ingest.commit();
}
