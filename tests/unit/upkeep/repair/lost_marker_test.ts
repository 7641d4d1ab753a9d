/** A store that lost its database and the marker of a layer: the bytes of the layer say what it is. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { needs } from "../../../support/machine/needs.ts";
import {
  findings,
  flip,
  GZIP,
  PLAIN,
  type SickStore,
  sickStore,
} from "../../../support/upkeep/sick_store.ts";

const NEEDS = needs({ root: true, mount: true, kernel: "6.12" });

/** Loses the database and the marker of a layer, as by a crash: some process died while it had the store open. */
async function lose(store: SickStore, layer: number): Promise<void> {
  await Deno.remove(store.layer(layer, "marker"));
  await Deno.remove(store.path("meta.db"));
  await Deno.writeTextFile(store.path("ingest/0123456789abcdef.lock"), "");
}

/** The kinds of what a deep check finds after a rebuild and a repair, which every finding of the rebuild names. */
async function broughtBack(store: SickStore): Promise<string[]> {
  const { stdout } = await store.on(["fsck", "--rebuild", "--deep", "--format", "json"]);
  const { left } = JSON.parse(stdout);
  for (const { healedBy } of left) assertEquals(healedBy, "varve fsck --deep --repair", stdout);
  assertEquals(left.length > 0, true);
  await store.on(["fsck", "--deep", "--repair"]);
  return (await findings(store, "fsck", "--deep")).map(({ kind }) => kind);
}

Deno.test({
  name: "a layer without row, marker and blob is made again from its tar",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const layer = store.layer(GZIP).slice(store.root.length + 1);
    const { diffId, descriptor } = store.image.layers[GZIP]!;
    await Deno.remove(store.blob(descriptor.digest));
    await lose(store, GZIP);
    const { stdout } = await store.on(["fsck", "--rebuild"]);
    assertStringIncludes(stdout, `${layer} does not say what it is: it has no row`);
    const { stderr } = await store.on(["fsck", "--repair"]);
    assertStringIncludes(stderr, `layer ${diffId} was made again from ${layer}`);
    await store.on(["fsck", "--rebuild"]);
    // Only the blob is missing.
    assertEquals((await findings(store, "fsck", "--deep")).map(({ kind }) => kind), ["blob"]);
  },
});

Deno.test({
  name: "a rebuild gives snapshots their image again whose manifest is damaged",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    await flip(store.blob(store.image.descriptor.digest));
    await Deno.remove(store.path("meta.db"));
    const { stdout } = await store.on(["fsck", "--rebuild", "--deep", "--format", "json"]);
    const { left } = JSON.parse(stdout);
    assertEquals(left.map(({ kind }: { kind: string }) => kind), ["document"]);
  },
});

for (const layer of [GZIP, PLAIN]) {
  Deno.test({
    name:
      `a layer without row and marker whose tar is damaged is made again from its blob: ${layer}`,
    ...NEEDS,
    async fn() {
      await using store = await sickStore();
      const tar = store.layer(layer, "layer.tar");
      // Not through the hard link to the blob.
      await Deno.copyFile(tar, `${tar}.copy`);
      await Deno.rename(`${tar}.copy`, tar);
      await flip(tar);
      await lose(store, layer);
      assertEquals(await broughtBack(store), []);
    },
  });
}
