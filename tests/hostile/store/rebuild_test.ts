/** I10: however the database is damaged, it is made again from the files, and the old one is kept. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { needs } from "../../support/machine/needs.ts";
import { namesIn } from "../../support/trees/names_in.ts";
import { DAMAGES } from "../../support/upkeep/damages.ts";
import {
  findings,
  flip,
  NAME,
  type SickStore,
  sickStore,
  WRITTEN,
} from "../../support/upkeep/sick_store.ts";

const NEEDS = needs({ root: true, mount: true, kernel: "6.12" });

/** Damage of the whole database. */
const WHOLE: readonly [title: string, damage: (store: SickStore) => Promise<void>][] = [
  ["missing", async (store) => {
    for (const end of ["", "-wal", "-shm"]) {
      await Deno.remove(store.path(`meta.db${end}`)).catch(() => {});
    }
  }],
  ["cut", async (store) => {
    const path = store.path("meta.db");
    await Deno.truncate(path, Math.floor((await Deno.stat(path)).size / 2));
  }],
  ["a flipped header", (store) => flip(store.path("meta.db"), 5)],
  ["a page of zeros", async (store) => {
    using file = await Deno.open(store.path("meta.db"), { write: true });
    await file.seek(4096, Deno.SeekMode.Start);
    await file.write(new Uint8Array(4096));
  }],
  ["empty", (store) => Deno.truncate(store.path("meta.db"), 0)],
];

/** The rows that a rebuild must give again. */
function factsOf(store: SickStore): unknown {
  return {
    images: store.rows("SELECT name, digest FROM image ORDER BY name"),
    layers: store.rows(
      "SELECT diff_id, size, cache_id, tree_digest, tree_sum, entries, dirty_padding FROM layer ORDER BY diff_id",
    ),
    blobs: store.rows("SELECT digest, size, media_type FROM blob ORDER BY digest"),
    layerBlobs: store.rows("SELECT * FROM layer_blob ORDER BY digest"),
    chains: store.rows("SELECT * FROM chain ORDER BY chain_id"),
    // This label says that nobody uses the mounts. It is only in the row.
    snapshots: store.rows(
      `SELECT scope, key, kind, parent, cache_id, diff_id, created_at, updated_at, replace(labels, ',["varve.released","1"]', '') AS labels
       FROM snapshot WHERE kind = 'active'`,
    ),
  };
}

async function rebuilt(store: SickStore, before: unknown): Promise<void> {
  const { code, stdout, stderr } = await store.on([
    "fsck",
    "--rebuild",
    "--deep",
    "--format",
    "json",
  ]);
  assertEquals([code, stderr], [0, ""], stdout);
  assertEquals(factsOf(store), before);
  assertEquals(await findings(store, "fsck", "--deep"), []);
  const target = `${store.root}-mnt`;
  await Deno.mkdir(target, { recursive: true });
  assertEquals((await store.on(["mount", NAME, target, "--rw", "work"])).code, 0);
  assertEquals(await Deno.readTextFile(`${target}/written`), WRITTEN);
  assertEquals((await store.on(["umount", target])).code, 0);
}

for (const [title, damage] of WHOLE) {
  Deno.test({
    name: `I10 fsck --rebuild: the database is damaged: ${title}`,
    ...NEEDS,
    async fn() {
      await using store = await sickStore();
      const before = factsOf(store);
      await damage(store);
      const [finding] = await findings(store, "fsck");
      assertEquals([finding?.kind, finding?.healedBy], ["database", "varve fsck --rebuild"]);
      await rebuilt(store, before);
      const isKept = namesIn(store.root).includes("meta.db.damaged-1");
      assertEquals(isKept, title !== "missing");
    },
  });
}

Deno.test({
  name: "I10 fsck --rebuild: rows with flipped text are made again",
  ...NEEDS,
  async fn() {
    for (const { title, deep, make } of DAMAGES.filter(({ by }) => by === "--rebuild")) {
      await using store = await sickStore();
      const before = factsOf(store);
      await make(store);
      const found = await findings(store, "fsck", ...deep ? ["--deep"] : []);
      assert(found.length > 0, title);
      await rebuilt(store, before);
    }
  },
});

Deno.test({
  name: "I10 fsck --rebuild: a database that is older than the files loses nothing",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const old = `${store.root}-old.db`;
    {
      using db = new DatabaseSync(store.path("meta.db"));
      db.exec(`VACUUM INTO '${old}'`);
    }
    const target = `${store.root}-mnt`;
    await Deno.mkdir(target);
    assertEquals((await store.on(["mount", NAME, target, "--rw", "later"])).code, 0);
    await Deno.writeTextFile(`${target}/later`, "after the copy");
    assertEquals((await store.on(["umount", target])).code, 0);
    assertEquals((await store.on(["commit", "later", "example.org/later:1"])).code, 0);
    const before = factsOf(store);
    for (const end of ["-wal", "-shm"]) {
      await Deno.remove(store.path(`meta.db${end}`)).catch(() => {});
    }
    await Deno.copyFile(old, store.path("meta.db"));
    const found = await findings(store, "fsck");
    assert(found.some(({ kind }) => kind === "database"), JSON.stringify(found));
    await rebuilt(store, before);
  },
});

/** Gives a snapshot a marker of version 1. */
async function ageMarker(store: SickStore): Promise<string> {
  const directory = store.snapshot("work");
  const id = Number(directory.split("/").at(-1));
  await Deno.remove(`${directory}/marker`);
  const marker = { id, kind: "snapshot", key: "work", owner: "0123456789abcdef" };
  const text = `varve-marker 1\n${JSON.stringify(marker)}\n`;
  await Deno.writeTextFile(`${directory}/marker`, text, { mode: 0o400 });
  return `snapshots/${id}`;
}

Deno.test({
  name: "I10 fsck --rebuild: the old row says what a marker of version 1 does not",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    await ageMarker(store);
    const before = factsOf(store);
    store.sql("UPDATE image SET target = 'nothing'");
    await rebuilt(store, before);
  },
});

Deno.test({
  name: "I10 fsck --rebuild: a snapshot that nothing describes is told, stays, and is adopted",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const path = await ageMarker(store);
    for (const end of ["", "-wal", "-shm"]) {
      await Deno.remove(store.path(`meta.db${end}`)).catch(() => {});
    }
    const { stdout } = await store.on(["fsck", "--rebuild"]);
    const id = path.split("/")[1] as string;
    assertStringIncludes(
      stdout,
      `${path} does not say what it is: it has no row ('varve snapshot adopt ${id} KEY --image REF' gets it back)`,
    );
    const { code, stderr } = await store.on(["snapshot", "adopt", id, "work", "--image", NAME]);
    assertEquals(code, 0, stderr);
    const target = `${store.root}-mnt`;
    await Deno.mkdir(target);
    assertEquals((await store.on(["mount", NAME, target, "--rw", "work"])).code, 0);
    assertEquals(await Deno.readTextFile(`${target}/written`), WRITTEN);
    assertEquals((await store.on(["umount", target])).code, 0);
  },
});

Deno.test({
  name: "I10 fsck --rebuild refuses while the store is open, and without a store",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    {
      using _ = new DatabaseSync(store.path("meta.db"));
      const { code, stderr } = await store.on(["fsck", "--rebuild"]);
      assertEquals(code, 6, stderr);
      assertStringIncludes(stderr, `process ${Deno.pid} has it open`);
    }
    assertEquals((await store.on(["--root", `${store.root}-none`, "fsck", "--rebuild"])).code, 4);
    const { code, stderr } = await store.on(["fsck", "--rebuild", "--repair"]);
    assertEquals([code, stderr], [2, "varve: Cannot rebuild and repair at once: rebuild first\n"]);
  },
});
