/** A repair takes lost bytes from any source that holds them, whatever image they are a part of there. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { archiveOrigin, createPool, openStore, repairStore } from "../../../../mod.ts";
import { archiveTar, buildImage, dockerFiles, ociFiles } from "../../../support/images/images.ts";
import { commandOn } from "../../../support/cli/in_process.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { servedStore } from "../../../support/registry/served_store.ts";
import {
  findings,
  flip,
  GZIP,
  NAME,
  PLAIN,
  type SickStore,
  sickStore,
} from "../../../support/upkeep/sick_store.ts";
import { BASE, MIDDLE } from "../../../support/images/sample_image.ts";

const NEEDS = needs({ root: true, mount: true, kernel: "6.12" });

/** Repairs from a source; nothing may be left, and no name may change. */
async function heals(store: Pick<SickStore, "on">, from: string): Promise<void> {
  const names = await namesOf(store);
  assert((await findings(store, "fsck", "--deep")).length > 0);
  const { code, stdout, stderr } = await store.on(["fsck", "--repair", "--deep", "--from", from]);
  assertEquals(code, 0, stdout + stderr);
  assertEquals(await findings(store, "fsck", "--deep"), []);
  assertEquals(await namesOf(store), names);
}

async function namesOf(store: Pick<SickStore, "on">): Promise<string[]> {
  const { stdout } = await store.on(["images", "--format", "json"]);
  return JSON.parse(stdout).map(({ name }: { name: string }) => name);
}

Deno.test("fsck --from: a second import of the same directory heals a flipped layer", async () => {
  await using temp = await tempDir();
  await Deno.mkdir(temp.join("dir"));
  await Deno.writeTextFile(temp.join("dir/file"), "content ".repeat(999));
  const [on, other] = [commandOn(temp.join("store")), commandOn(temp.join("other"))];
  assertEquals((await on(["import", temp.join("dir"), "app:1"])).code, 0);
  assertEquals((await other(["import", temp.join("dir"), "b:2", "--label", "x=y"])).code, 0);
  assertEquals((await other(["save", "b:2", "-o", temp.join("b.tar")])).code, 0);
  await flip(`${temp.join("store")}/layers/1/layer.tar`);
  await heals({ on }, temp.join("b.tar"));
});

/** Another image with the layers of the sample, packed in other ways. */
const SHARING = buildImage({
  name: "example.org/other:1",
  layers: [BASE, MIDDLE, [{ name: "more", content: "more" }]],
  packing: "zstd",
});

for (
  const [form, files] of Object.entries({
    "an OCI layout": ociFiles,
    "docker-archive": dockerFiles,
  })
) {
  Deno.test({
    name: `fsck --from: another image that shares a layer, packed in another way: ${form}`,
    ...NEEDS,
    async fn() {
      await using store = await sickStore();
      const shared = SHARING.layers.find(({ diffId }) =>
        store.image.layers.some((layer) => layer.diffId === diffId)
      );
      assert(shared !== undefined);
      const number = store.image.layers.findIndex(({ diffId }) => diffId === shared.diffId);
      // Neither the tar nor a blob of it is left.
      await flip(store.layer(number, "layer.tar"));
      const { digest } = store.image.layers[number]!.descriptor;
      if (digest !== shared.diffId) await flip(store.blob(digest));
      const archive = `${store.root}-other.tar`;
      await Deno.writeFile(archive, archiveTar(files([SHARING])));
      const { stdout } = await store.on([
        ...["fsck", "--repair", "--deep", "--from", archive, "--format", "json"],
      ]);
      const { healed, left } = JSON.parse(stdout);
      const isTar = ({ what }: { what: string }) => what.includes(`layer.tar of layer`);
      assert(healed.some(isTar), stdout);
      assert(!left.some(isTar), stdout);
      // The image of the source is not in the store now.
      assertEquals(store.rows("SELECT 1 FROM image WHERE name LIKE '%other%'"), []);
      assertEquals(store.rows("SELECT 1 FROM blob WHERE digest = ?", SHARING.imageId), []);
    },
  });
}

Deno.test({
  name: "fsck --from: manifest, config and a layer that are lost together, with their rows",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const { descriptor, imageId, layers } = store.image;
    const blob = layers[GZIP]!.descriptor.digest;
    for (const digest of [descriptor.digest, imageId, blob]) {
      await Deno.remove(store.blob(digest));
      if (digest !== descriptor.digest) store.sql("DELETE FROM blob WHERE digest = ?", digest);
    }
    await heals(store, store.archive);
  },
});

Deno.test({
  name: "fsck --from: what is wrong in the source is told, and the rest is healed",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const { layers } = store.image;
    const source = `${store.root}-layout`;
    assertEquals((await store.on(["save", NAME, "--oci-dir", source])).code, 0);
    const lost = [GZIP, PLAIN].map((number) => layers[number]!.descriptor.digest);
    for (const digest of lost) await flip(store.blob(digest));
    await flip(`${source}/blobs/${lost[0]!.replace(":", "/")}`);
    const args = ["fsck", "--repair", "--deep", "--from", source, "--format", "json"];
    const { code, stdout, stderr } = await store.on(args);
    const { left } = JSON.parse(stdout);
    assertEquals(code, 3);
    assertEquals(left.map(({ what }: { what: string }) => what), [
      `content/blobs/${lost[0]!.replace(":", "/")}`,
    ]);
    assertStringIncludes(stderr, lost[0]!);
  },
});

Deno.test({
  name: "fsck --from: an image of a registry",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const other = `${store.root}-other`;
    assertEquals((await commandOn(other)(["load", store.archive])).code, 0);
    await using registry = await servedStore(other);
    await flip(store.blob(store.image.layers[GZIP]!.descriptor.digest));
    await flip(store.layer(PLAIN, "layer.tar"));
    await Deno.remove(store.blob(store.image.imageId));
    await heals(store, `${registry.host}/${NAME}`);
  },
});

Deno.test("repairStore takes bytes from an origin of the library", async () => {
  await using temp = await tempDir();
  await Deno.mkdir(temp.join("dir"));
  await Deno.writeTextFile(temp.join("dir/file"), "content ".repeat(999));
  const root = temp.join("store");
  const on = commandOn(root);
  assertEquals((await on(["import", temp.join("dir"), "app:1"])).code, 0);
  assertEquals((await on(["save", "app:1", "-o", temp.join("app.tar")])).code, 0);
  await flip(`${root}/layers/1/layer.tar`);
  await using store = await openStore({ root });
  await using pool = createPool({ workers: 1 });
  const options = { deep: true, pool };
  assert((await repairStore(store, options)).left.length > 0);
  const foreign = { label: "foreign" };
  await assertRejects(() => repairStore(store, { ...options, from: foreign }), TypeError);
  const from = archiveOrigin(temp.join("app.tar"));
  assertEquals(from.label, temp.join("app.tar"));
  const { healed, left } = await repairStore(store, { ...options, from });
  assertEquals(left, []);
  assert(healed.some(({ kind }) => kind === "layer"));
});
