/** Every kind of damage is found: by the quick check, or, where only the bytes show it, by the deep one. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createPool, type Pool } from "../../../../lib/pool/mod.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { checkStore } from "../../../../lib/upkeep/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { DAMAGES } from "../../../support/upkeep/damages.ts";
import {
  findings,
  flip,
  GZIP,
  NAME,
  PLAIN,
  sickStore,
} from "../../../support/upkeep/sick_store.ts";

const NEEDS = needs({ root: true, mount: true, kernel: "6.12" });

Deno.test({
  name: "a sound store: loaded, mounted by every driver, written to, committed: nothing is found",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    assertEquals(await findings(store, "fsck"), []);
    assertEquals(await findings(store, "fsck", "--deep"), []);
    for (
      const args of [
        ["commit", "work", "example.org/new:1"],
        ["tag", NAME, "example.org/other:1"],
        ["squash", NAME, "example.org/flat:1"],
        ["snapshot", "commit", "kept", "work"],
        ["rmi", NAME],
      ]
    ) {
      const { code, stderr } = await store.on(args);
      assertEquals(code, 0, stderr);
      assertEquals(await findings(store, "fsck", "--deep"), [], args.join(" "));
    }
  },
});

Deno.test({
  name: "two images may call the bytes of a layer differently, but a layer is no manifest",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const { digest } = store.image.layers[GZIP]!.descriptor;
    const typed = (mediaType: string) =>
      store.sql("UPDATE blob SET media_type = ? WHERE digest = ?", mediaType, digest);
    // A marker says what the first image said, a row what the last one did.
    for (const type of ["application/vnd.docker.image.rootfs.diff.tar.gzip", ""]) {
      typed(type);
      assertEquals(await findings(store, "fsck"), [], type);
    }
    typed("application/vnd.oci.image.manifest.v1+json");
    assert((await findings(store, "fsck")).some(({ what }) => what === `row of blob ${digest}`));
  },
});

Deno.test({
  name: "a composed image affects those that have just its layers, not those with more on top",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const tar = `${store.root}-more.tar`;
    await Deno.writeFile(tar, new Uint8Array(10_240));
    const { code, stderr } = await store.on(["append", NAME, tar, "example.org/more:1"]);
    assertEquals(code, 0, stderr);
    await flip(store.chain("erofs/image"));
    const [composed] = await findings(store, "fsck", "--deep");
    assertEquals([composed?.kind, composed?.affects], [
      "composed",
      [`image ${NAME}`, "snapshot work"],
    ]);
    await flip(store.layer(GZIP, "tree"));
    const tree = (await findings(store, "fsck", "--deep")).find(({ kind }) => kind === "tree");
    assertEquals(tree?.affects, ["image example.org/more:1", `image ${NAME}`, "snapshot work"]);
  },
});

Deno.test({
  name: "what is healed from a tar needs a source, where the tar needs one",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    await flip(store.layer(PLAIN, "layer.tar"));
    await flip(store.layer(PLAIN, "tree"));
    const found = await findings(store, "fsck", "--deep");
    const remedies = found.map(({ kind, healedBy }) => [kind, healedBy.includes("--from")]);
    assertEquals(remedies.sort(), [["blob", true], ["layer", true], ["tree", true]]);
  },
});

Deno.test({
  name: "fsck --deep: a layer that is removed and loaded again meanwhile is not damaged",
  ...NEEDS,
  async fn() {
    await using sick = await sickStore();
    const must = async (...args: string[]) => {
      const { code, stderr } = await sick.on(args);
      assertEquals(code, 0, stderr);
    };
    await must("snapshot", "rm", "work");
    const ids = () => sick.rows("SELECT cache_id FROM layer ORDER BY cache_id");
    const before = ids();
    await using store = await openStore({ root: sick.root });
    await using pool = createPool();
    let isFirst = true;
    const run: Pool["run"] = async (job, input, options) => {
      if (isFirst && job.name === "hash-files") {
        isFirst = false;
        await must("rmi", NAME);
        await must("load", sick.archive);
      }
      return await pool.run(job, input, options);
    };
    const slow = new Proxy(pool, {
      get: (of, key) => key === "run" ? run : Reflect.get(of, key, of),
    });
    assertEquals(await checkStore(store, { deep: true, pool: slow }), []);
    assert(!isFirst);
    assert(JSON.stringify(ids()) !== JSON.stringify(before));
  },
});

for (const { title, deep, make, kind, what, by, affects } of DAMAGES) {
  Deno.test({
    name: `fsck finds: ${title}`,
    ...NEEDS,
    async fn() {
      await using store = await sickStore();
      await make(store);
      if (deep && kind !== "document") assertEquals(await findings(store, "fsck"), []);
      const found = await findings(store, "fsck", ...(deep ? ["--deep"] : []));
      const own = found.find((one) =>
        one.kind === kind && what.test(one.what) && one.healedBy.includes(by)
      );
      assert(own !== undefined, JSON.stringify(found, null, 1));
      if (affects !== undefined) assert(own.affects.includes(affects), JSON.stringify(own));
      const { stdout, code } = await store.on(["fsck", ...(deep ? ["--deep"] : [])]);
      assertEquals(code, 3);
      for (const line of stdout.trimEnd().split("\n")) assertMatch(line, /^[a-z]+: .*: expected /);
    },
  });
}

Deno.test({
  name: "fsck --deep tells of noted damage and of the wrong digest in one line",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const digests = [store.image.descriptor.digest, store.image.layers[GZIP]!.descriptor.digest];
    for (const digest of digests) await flip(store.blob(digest));
    await flip(store.layer(GZIP, "layer.tar"));
    store.sql("UPDATE layer SET verified_at = 0");
    store.sql("UPDATE blob SET verified_at = 0");
    const found = await findings(store, "fsck", "--deep");
    const things = found.map(({ kind, what }) => `${kind} ${what}`);
    assertEquals(things, [...new Set(things)]);
    for (const digest of digests) {
      const own = found.find(({ what }) => what.endsWith(digest.slice("sha256:".length)));
      assertMatch(own?.actual ?? "", /^sha256:[0-9a-f]{64}, and noted as damaged$/);
      assertEquals(own?.expected, digest);
    }
    const [tar] = found.filter(({ what }) => what.endsWith(store.image.layers[GZIP]!.diffId));
    assertMatch(tar?.actual ?? "", /^sha256:[0-9a-f]{64}, and noted as damaged$/);
    // Bytes that were only noted are still told.
    assert(found.some(({ actual }) => actual === "noted as damaged"));
  },
});
