/** J25: stores that older versions wrote open, read, mount and pass every check; a newer one is refused. */
import { DatabaseSync } from "node:sqlite";
import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { exportImage } from "../../../lib/image/mod.ts";
import { unpackImage } from "../../../lib/mount/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { createSnapshotter } from "../../../lib/snapshot/mod.ts";
import { openStore, readImage } from "../../../lib/store/mod.ts";
import { backupStore, checkStore } from "../../../lib/upkeep/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import {
  OLD_FILES,
  OLD_IMAGE,
  OLD_KEY,
  OLD_SCHEMAS,
  writeOldStore,
} from "../../support/old_stores/old_store.ts";
import { DRIVER_NAMES, mountAt } from "../../support/snapshots/snapshot_fixture.ts";

async function filesBelow(path: string): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const { name } of await Array.fromAsync(Deno.readDir(`${path}/etc`))) {
    out[`etc/${name}`] = await Deno.readTextFile(`${path}/etc/${name}`);
  }
  return Object.fromEntries(Object.entries(out).sort());
}

for (const schema of OLD_SCHEMAS) {
  Deno.test({
    name:
      `J25: a store of schema ${schema} opens on a read-only file system, and passes every check`,
    ...needs({ root: true, mount: true }),
    async fn() {
      await using temp = await tempDir();
      const root = temp.join("store"), same = temp.join("same");
      await writeOldStore(root, schema);
      await Deno.mkdir(same);
      await run(["mount", "--bind", root, same]);
      try {
        await run(["mount", "-o", "remount,bind,ro", same]);
        await using store = await openStore({ root: same });
        assertEquals(store.images.list().map(({ name }) => name), [OLD_IMAGE]);
        assertEquals(await checkStore(store, { deep: true }), []);
        await backupStore(store, temp.join("backup"));
      } finally {
        await run(["umount", same]);
      }
      await using copy = await openStore({ root: temp.join("backup") });
      assertEquals(await checkStore(copy, { deep: true }), []);
      assertEquals(copy.snapshots.read((table) => table.get(OLD_KEY))?.kind, "active");
    },
  });

  Deno.test({
    name: `J25: a store of schema ${schema} opens, reads, mounts and passes every check`,
    ...needs({ root: true, mount: true, kernel: "6.12" }),
    async fn() {
      await using temp = await tempDir();
      const root = temp.join("store");
      await writeOldStore(root, schema);
      await using store = await openStore({ root });
      await using pool = createPool({ inline: true });
      assertEquals(store.images.list().map(({ name }) => name), [OLD_IMAGE]);
      const { chainId, layers } = await readImage(store, OLD_IMAGE);
      assertEquals(layers.length, 2);
      for (const { diffId } of layers) await store.layers.tree(diffId);
      await (await exportImage(store, OLD_IMAGE)).pipeTo(new WritableStream());
      await unpackImage(store, OLD_IMAGE, temp.join("unpacked"), { pool });
      assertEquals(await filesBelow(temp.join("unpacked")), OLD_FILES);
      assertEquals(await checkStore(store, { deep: true, pool }), []);
      for (const driver of DRIVER_NAMES) {
        const snapshotter = createSnapshotter(store, { driver, pool });
        const parent = snapshotter.ensureChain(chainId!);
        {
          await using view = await mountAt(
            await snapshotter.view(driver, parent),
            temp.join(driver),
          );
          assertEquals([driver, await filesBelow(view.path)], [driver, OLD_FILES]);
        }
        if (driver !== "native") {
          await using work = await mountAt(
            await snapshotter.mounts(OLD_KEY),
            temp.join(`${driver} work`),
          );
          assertEquals((await filesBelow(work.path))["etc/kept"], "kept");
        }
        await snapshotter.remove(driver);
        snapshotter.release(OLD_KEY);
      }
      assertEquals(await checkStore(store, { deep: true, pool }), []);
    },
  });
}

Deno.test({
  name:
    "J25: an old store whose last changes are in the log is not called damaged where it takes no writes",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using temp = await tempDir();
    const root = temp.join("store"), killed = temp.join("killed");
    await writeOldStore(root, 7);
    {
      using db = new DatabaseSync(`${root}/meta.db`);
      db.exec("PRAGMA journal_mode = WAL");
      db.exec("INSERT INTO setting VALUES ('durability', 'none')");
      await run(["cp", "-a", root, killed]);
    }
    await Deno.remove(`${killed}/meta.db-shm`);
    await run(["mount", "--bind", killed, killed]);
    try {
      await run(["mount", "-o", "remount,bind,ro", killed]);
      const { code, details } = await assertRejects(() => openStore({ root: killed }), VarveError);
      assertEquals([code, details.actual, details.hint], [
        ...["E_DB", 7, "mount the store writable once"],
      ]);
    } finally {
      await run(["umount", killed]);
    }
    await using store = await openStore({ root: killed });
    assertEquals(store.settings.get("durability"), "none");
  },
});

Deno.test("J25: a store of a newer schema is refused, and nothing is written", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await writeOldStore(root, OLD_SCHEMAS.length);
  {
    using db = new DatabaseSync(`${root}/meta.db`);
    db.exec("PRAGMA user_version = 1000");
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  const before = await Deno.readFile(`${root}/meta.db`);
  const { code } = await assertRejects(() => openStore({ root }), VarveError);
  assertEquals(code, "E_DB");
  assertEquals(await Deno.readFile(`${root}/meta.db`), before);
});
