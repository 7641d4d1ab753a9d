/** A store whose markers were written by version 0.1.0, in the forms that it used. */
import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import { adoptSnapshot, createSnapshotter } from "../../lib/snapshot/mod.ts";
import { type DiskStore, openStore } from "../../lib/store/mod.ts";
import { checkStore } from "../../lib/upkeep/mod.ts";
import { judgeIdle } from "../conformance/store_judge.ts";
import { bringLayer, type SampleLayer, sampleLayer } from "../conformance/store_layers.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import "../support/machine/needs.ts";

/** What a process leaves that did not end cleanly. */
const DEAD = "0123456789abcdef";
const LAYERS = [sampleLayer(1, 4096, 0), sampleLayer(2, 4096, 0)] as const;

async function bring(store: DiskStore, ...layers: readonly SampleLayer[]): Promise<void> {
  await using ingest = await store.ingest();
  for (const layer of layers) await bringLayer(ingest, layer);
  ingest.chain(layers.map(({ diffId }) => diffId));
  await ingest.commit();
}

/** Writes the marker of a directory as version 0.1.0 did: `JSON.stringify` of these fields behind the first line. */
async function writeOldMarker(directory: string, fields: Record<string, unknown>): Promise<void> {
  await Deno.remove(`${directory}/marker`);
  const text = `varve-marker 1\n${JSON.stringify(fields)}\n`;
  await Deno.writeTextFile(`${directory}/marker`, text, { mode: 0o400 });
  await Deno.chmod(`${directory}/marker`, 0o400);
}

async function fieldsOf(directory: string): Promise<{ version: string; [field: string]: unknown }> {
  const [version = "", json = ""] = (await Deno.readTextFile(`${directory}/marker`)).split("\n");
  return { version, ...JSON.parse(json) };
}

/** Makes a store with two layers, a chain's directory and two snapshots, and gives all of them old markers. */
async function makeOldStore(root: string): Promise<void> {
  await using store = await openStore({ root });
  await bring(store, ...LAYERS);
  const snapshotter = createSnapshotter(store, { driver: "native" });
  const parent = store.chains.ensure(LAYERS.map(({ diffId }) => diffId));
  await store.directories.ensure({ chainId: parent }, "fs", () => Promise.resolve());
  for (const key of ["a", "b"]) {
    await snapshotter.prepare(key, null);
    const { cacheId } = snapshotter.stat(key);
    const directory = store.directories.snapshot(cacheId ?? 0);
    await Deno.writeTextFile(`${directory}/fs/file`, key);
    await writeOldMarker(directory, { id: cacheId, kind: "snapshot", key, owner: DEAD });
  }
  for (const [i, { diffId, tar }] of LAYERS.entries()) {
    const directory = store.directories.layer(diffId);
    const { id, kind, diffID, treeDigest, treeSize, treeSum, entries } = await fieldsOf(directory);
    // The first development version did not know the sum of a tree's file.
    const sum = i === 0 ? {} : { treeSum };
    const size = tar.length;
    const fields = { id, kind, diffID, size, treeDigest, treeSize, ...sum, entries };
    await writeOldMarker(directory, fields);
  }
  const { cacheId } = store.chains.get(parent) ?? {};
  const home = store.directories.chain(cacheId ?? 0);
  const { id, kind, chainID, diffID, parent: below } = await fieldsOf(home);
  await writeOldMarker(home, { id, kind, chainID, diffID, parent: below });
}

Deno.test("a store with markers of version 1 works as before, and gets new ones as its things change", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  await makeOldStore(root);
  await Deno.writeTextFile(`${root}/ingest/${DEAD}.lock`, "");
  const warnings: string[] = [];
  {
    await using store = await openStore({ root, onWarning: (text) => warnings.push(text) });
    assertEquals(warnings, []);
    assertEquals(await checkStore(store), []);
    const [first, second] = LAYERS;
    // Another blob of the first layer is proved.
    await bring(store, sampleLayer(1, 4096, 1));
    const layer = await fieldsOf(store.directories.layer(first.diffId));
    assertEquals([layer.version, (layer.blobs as unknown[]).length], ["varve-marker 3", 2]);
    assertEquals(
      (await fieldsOf(store.directories.layer(second.diffId))).version,
      "varve-marker 1",
    );
    const snapshotter = createSnapshotter(store, { driver: "native" });
    await snapshotter.update("a", { label: "x" });
    const { cacheId } = snapshotter.stat("a");
    const snapshot = await fieldsOf(store.directories.snapshot(cacheId ?? 0));
    assertEquals([snapshot.version, snapshot.labels], ["varve-marker 3", [["label", "x"]]]);
    await snapshotter.remove("a");
    await snapshotter.commit("committed", "b");
    const committed = snapshotter.stat("committed");
    const marker = await fieldsOf(store.directories.snapshot(committed.cacheId ?? 0));
    assertEquals([marker.version, marker.key, marker.use], [
      "varve-marker 3",
      "committed",
      "committed",
    ]);
    assertEquals(await checkStore(store), []);
  }
  await judgeIdle(root);
});

Deno.test("P1: a snapshot with a marker of version 1 whose row was lost comes back, when its parent is told", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  await makeOldStore(root);
  {
    await using store = await openStore({ root });
    store.snapshots.transact((table) => {
      for (const key of ["a", "b"]) table.delete(key);
    });
  }
  await Deno.writeTextFile(`${root}/ingest/${DEAD}.lock`, "");
  await using store = await openStore({ root });
  const lost = await store.directories.lost();
  assertEquals(lost.map(({ key, parent }) => [key, parent]), [["a", undefined], ["b", undefined]]);
  const snapshotter = createSnapshotter(store, { driver: "native" });
  for (const { name, key } of lost) {
    const refused = () => adoptSnapshot(store, snapshotter, name);
    assertEquals((await assertRejects(refused, VarveError)).code, "E_USAGE");
    const row = await adoptSnapshot(store, snapshotter, name, { parent: null });
    assertEquals(row.key, key);
    const directory = store.directories.snapshot(row.cacheId ?? 0);
    assertEquals(await Deno.readTextFile(`${directory}/fs/file`), key);
    assertEquals((await fieldsOf(directory)).version, "varve-marker 3");
  }
  assertEquals(await checkStore(store), []);
});
