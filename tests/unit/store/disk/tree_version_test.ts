import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { createPool } from "../../../../lib/pool/mod.ts";
import { markerLock } from "../../../../lib/store/disk/ingest_names.ts";
import { FileLock } from "../../../../lib/store/disk/lock.ts";
import { Paths } from "../../../../lib/store/disk/paths.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { bringLayer, sampleLayer } from "../../../conformance/store_layers.ts";
import { leakTest } from "../../../support/machine/leaks.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

leakTest("a reader waits while the files of a layer are newer than its row", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await using store = await openStore({ root, durability: "none" });
  await using pool = createPool({ inline: true });
  const { diffId, ...layer } = sampleLayer(1);
  {
    await using ingest = await store.ingest();
    await bringLayer(ingest, { diffId, ...layer });
    await ingest.commit();
  }
  const { sum } = store.directories.layerTree(diffId);
  const sql = "UPDATE layer SET tree_sum = ?, tree_size = ?, verified_at = ? WHERE diff_id = ?";
  const size = (await Deno.stat(store.directories.layerTree(diffId).path)).size;
  using db = new DatabaseSync(`${root}/meta.db`);
  // As between the rename of a new tree and the transaction that follows.
  const lock = await FileLock.acquire(markerLock(new Paths(root), diffId));
  db.prepare(sql).run(`sha256:${"0".repeat(64)}`, size + 1, 0, diffId);
  let isReady = false;
  const prepared = store.directories.prepareTrees([diffId], pool).then(() => isReady = true);
  const opened = store.layers.tree(diffId);
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(isReady, false);
  db.prepare(sql).run(sum, size, Date.now(), diffId);
  lock.remove();
  await prepared;
  assertEquals(store.directories.layerTree(diffId).sum, sum);
  assertEquals((await opened).digest, store.layers.get(diffId)?.treeDigest);
});
