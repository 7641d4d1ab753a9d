/** Every kind of damage is healed, from the store itself or from a source; afterwards a deep check finds nothing. */
import { assert, assertEquals } from "@std/assert";
import { needs } from "../../../support/machine/needs.ts";
import type { DamageCase } from "../../../support/upkeep/damage_case.ts";
import { DAMAGES } from "../../../support/upkeep/damages.ts";
import {
  findings,
  flip,
  GZIP,
  NAME,
  PLAIN,
  type SickStore,
  sickStore,
  turnDigit,
  WRITTEN,
} from "../../../support/upkeep/sick_store.ts";

const NEEDS = needs({ root: true, mount: true, kernel: "6.12" });

/** What a repair alone cannot heal, where a row is wrong. */
const BY_REPAIR = DAMAGES.filter(({ by }) => by === "--repair" || by === "--from");

for (const damage of BY_REPAIR) {
  Deno.test({
    name: `fsck --repair heals: ${damage.title}`,
    ...NEEDS,
    async fn() {
      await using store = await sickStore();
      await damage.make(store);
      const from = damage.by === "--from" ? ["--from", store.archive] : [];
      if (from.length > 0) await refuses(store, damage);
      const { code, stdout, stderr } = await store.on([
        ...["fsck", "--repair", "--deep", ...from, "--format", "json"],
      ]);
      const { healed, left } = JSON.parse(stdout);
      assertEquals([left, code], [[], 0], stdout + stderr);
      assert(healed.some(({ what }: { what: string }) => damage.what.test(what)), stdout);
      assertEquals(await findings(store, "fsck", "--deep"), []);
      await showsTheSame(store);
    },
  });
}

/** A repair without a source names the damage, and does not heal it. */
async function refuses(store: SickStore, { what }: DamageCase): Promise<void> {
  const { code, stdout } = await store.on(["fsck", "--repair", "--deep", "--format", "json"]);
  const { left } = JSON.parse(stdout);
  assertEquals(code, 3);
  assert(left.some((one: { what: string }) => what.test(one.what)), stdout);
}

/** Every driver shows the right files in a new mount, and what the user wrote is there. */
async function showsTheSame(store: SickStore): Promise<void> {
  const target = `${store.root}-mnt`;
  await Deno.mkdir(target);
  const must = async (...args: string[]) => {
    const { code, stderr } = await store.on(args);
    assertEquals(code, 0, stderr);
  };
  for (const driver of ["erofs", "overlay", "native"]) {
    await must("--driver", driver, "mount", NAME, target);
    assertEquals(await Deno.readTextFile(`${target}/bin/tool`), "#!/bin/sh\necho tool\n", driver);
    assertEquals(await Deno.readTextFile(`${target}/home/user/notes`), "notes", driver);
    await must("umount", target);
  }
  await must("mount", NAME, target, "--rw", "work");
  assertEquals(await Deno.readTextFile(`${target}/written`), WRITTEN);
  await must("umount", target);
}

Deno.test({
  name: "fsck --repair leaves alone: strays, and snapshots without their files",
  ...NEEDS,
  async fn() {
    for (const { make, what } of DAMAGES.filter(({ by }) => by === "hand")) {
      await using store = await sickStore();
      await make(store);
      const { code, stdout } = await store.on(["fsck", "--repair", "--format", "json"]);
      const { healed, left } = JSON.parse(stdout);
      assertEquals([code, healed], [3, []], stdout);
      assert(left.some((one: { what: string }) => what.test(one.what)), stdout);
    }
  },
});

Deno.test({
  name: "fsck: a source is only for a repair",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const { code, stderr } = await store.on(["fsck", "--from", store.archive]);
    assertEquals([code, stderr.trim()], [
      2,
      "varve: Cannot check with --from: it is for --repair",
    ]);
  },
});

Deno.test({
  name:
    "fsck --repair keeps the row of a blob that an image may need, whose manifest cannot be read",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const { digest } = store.image.layers[GZIP]!.descriptor;
    await flip(store.blob(store.image.descriptor.digest));
    await Deno.remove(store.blob(digest));
    const { code } = await store.on(["fsck", "--repair", "--deep"]);
    assertEquals(code, 3);
    assertEquals(store.rows("SELECT digest FROM blob WHERE digest = ?", digest), [{ digest }]);
    const healed = await store.on(["fsck", "--repair", "--deep", "--from", store.archive]);
    assertEquals(healed.code, 0, healed.stdout + healed.stderr);
    assertEquals(await findings(store, "fsck", "--deep"), []);
    await Deno.stat(store.blob(digest));
  },
});

Deno.test({
  name: "fsck --repair makes a layer again that is gone with its row, from its blob",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    await Deno.remove(store.layer(GZIP), { recursive: true });
    store.sql("DELETE FROM layer WHERE diff_id = ?", store.image.layers[GZIP]!.diffId);
    const what = `layer ${store.image.layers[GZIP]!.diffId}`;
    const found = (await findings(store, "fsck", "--deep")).find((one) => one.what === what);
    assertEquals([found?.kind, found?.actual, found?.healedBy], [
      ...["layer", "no row", "varve fsck --deep --repair"],
    ]);
    const { code, stdout, stderr } = await store.on(["fsck", "--repair", "--deep"]);
    assertEquals(code, 0, stdout + stderr);
    assertEquals(await findings(store, "fsck", "--deep"), []);
    await showsTheSame(store);
  },
});

Deno.test({
  name: "a tar that is made again and its uncompressed blob are one file",
  ...NEEDS,
  async fn() {
    for (const verb of ["fsck", "load"]) {
      await using store = await sickStore();
      const tar = store.layer(PLAIN, "layer.tar");
      await Deno.remove(tar);
      const args = verb === "fsck" ? ["fsck", "--repair"] : ["load", store.archive];
      const { code, stdout, stderr } = await store.on(args);
      assertEquals(code, 0, stdout + stderr);
      const blob = await Deno.stat(store.blob(store.image.layers[PLAIN]!.diffId));
      assertEquals([(await Deno.stat(tar)).ino, blob.nlink], [blob.ino, 2], verb);
      assertEquals(await findings(store, "fsck", "--deep"), []);
    }
  },
});

Deno.test({
  name: "fsck --deep --repair writes the marker of a layer again whose bytes prove the row",
  ...NEEDS,
  async fn() {
    for (const field of ['"diffID":"sha256:', '"size":', '"treeDigest":"sha256:', '"entries":']) {
      await using store = await sickStore();
      const marker = store.layer(GZIP, "marker");
      const before = await Deno.readTextFile(marker);
      await turnDigit(marker, field);
      const { code, stdout, stderr } = await store.on(["fsck", "--repair", "--deep"]);
      assertEquals(code, 0, field + stdout + stderr);
      assertEquals(await Deno.readTextFile(marker), before);
      assertEquals(await findings(store, "fsck", "--deep"), []);
    }
  },
});
