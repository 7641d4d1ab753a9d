/** Directories of snapshots without a row: which are removed, and how the others come back. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import { adoptSnapshot, createSnapshotter } from "../../lib/snapshot/mod.ts";
import { Database } from "../../lib/store/disk/database/database.ts";
import { type DiskStore, openStore } from "../../lib/store/mod.ts";
import { judgeIdle, judgeStore } from "../conformance/store_judge.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { snapshotFacts } from "../support/snapshots/snapshot_facts.ts";
import { startChild } from "./store_children.ts";
import "../support/machine/needs.ts";

/** What a process leaves that did not end cleanly. */
const DEAD = "0123456789abcdef";

/** Makes a snapshot as a driver does; `file` is written into it afterwards. */
async function makeSnapshot(store: DiskStore, key: string, file?: string): Promise<number> {
  const facts = { ...snapshotFacts(key), labels: { a: key }, createdAt: 7, updatedAt: 7 };
  const { cacheId, path } = await store.directories.createSnapshot(facts);
  for (const name of ["fs", "work", "empty"]) await Deno.mkdir(`${path}/${name}`);
  await store.directories.finishSnapshot(
    cacheId,
    () =>
      store.snapshots.transact((table) =>
        table.put({
          key,
          kind: "active",
          parent: null,
          cacheId,
          diffId: null,
          labels: facts.labels,
          createdAt: 7,
          updatedAt: 7,
          usage: null,
        })
      ),
  );
  if (file !== undefined) await Deno.writeTextFile(`${path}/fs/file`, file);
  return cacheId;
}

/** Removes rows behind the store's back, as a database loses them that is damaged. */
function loseRows(root: string, ...keys: readonly string[]): void {
  using db = new Database(`${root}/meta.db`);
  for (const key of keys) db.run("DELETE FROM snapshot WHERE key = ?", key);
}

/** Lets the next start find an unclean end, perhaps with intents of the process that died. */
async function markUnclean(root: string, ...intents: readonly string[]): Promise<void> {
  await Deno.writeTextFile(`${root}/ingest/${DEAD}.lock`, "");
  await Deno.mkdir(`${root}/ingest/${DEAD}`);
  for (const name of intents) await Deno.writeTextFile(`${root}/ingest/${DEAD}/${name}`, "");
}

async function names(path: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("P1: a snapshot's directory that has files goes to lost/ when its row is gone, and comes back", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  {
    await using store = await openStore({ root });
    await makeSnapshot(store, "kept", "kept");
    assertEquals(await makeSnapshot(store, "full", "mine"), 2);
    await makeSnapshot(store, "void");
  }
  loseRows(root, "full", "void");
  await markUnclean(root);
  await Deno.mkdir(`${root}/lost/2/fs`, { recursive: true });
  const warnings: string[] = [];
  {
    await using store = await openStore({ root, onWarning: (text) => warnings.push(text) });
    assertEquals(await names(`${root}/snapshots`), ["1"]);
    assertEquals(await names(`${root}/lost`), ["2", "2.1"]);
    assertEquals(warnings.length, 1);
    assert(warnings[0]?.endsWith(`${root}/lost/2.1: adopt directory 2.1 to get it back`));
    const snapshotter = createSnapshotter(store, { driver: "native" });
    const codeOf = async (name: string, options = {}) =>
      (await assertRejects(() => adoptSnapshot(store, snapshotter, name, options), VarveError))
        .code;
    assertEquals(await codeOf("3"), "E_NOT_FOUND");
    assertEquals(await codeOf("../snapshots/1"), "E_NOT_FOUND");
    assertEquals(await codeOf("2"), "E_USAGE");
    assertEquals(await codeOf("2", { key: "k" }), "E_USAGE");
    assertEquals(await codeOf("2.1", { key: "kept" }), "E_EXISTS");
    assertEquals(await codeOf("2.1", { parent: "gone" }), "E_NOT_FOUND");
    const row = await adoptSnapshot(store, snapshotter, "2.1");
    assertEquals([row.key, row.kind, row.parent, { ...row.labels }, row.createdAt], [
      "full",
      "active",
      null,
      { a: "full" },
      7,
    ]);
    assert((row.cacheId ?? 0) > 3);
    assertEquals(await Deno.readTextFile(`${root}/snapshots/${row.cacheId}/fs/file`), "mine");
    assertEquals(
      (await adoptSnapshot(store, snapshotter, "2", { key: "k", parent: null })).key,
      "k",
    );
    assertEquals(await names(`${root}/lost`), []);
    await judgeStore(store);
  }
  await judgeIdle(root);
});

Deno.test("P1: a directory that a dead process was making or removing is removed, with its files", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  {
    await using store = await openStore({ root });
    for (const key of ["made", "removed", "kept"]) await makeSnapshot(store, key, key);
  }
  loseRows(root, "made", "removed");
  // It was removing the third, too, and did not come to its row.
  await markUnclean(root, "1.made", "2.removed", "3.removed", "4.made");
  {
    await using store = await openStore({ root });
    assertEquals(await names(`${root}/snapshots`), ["3"]);
    assertEquals(await names(`${root}/lost`), []);
    assertEquals(await Deno.readTextFile(`${root}/snapshots/3/fs/file`), "kept");
    await judgeStore(store);
  }
  await judgeIdle(root);
});

Deno.test("P1: a directory whose removal failed when its row was gone is removed by the next start, with its files", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  {
    await using store = await openStore({ root });
    await makeSnapshot(store, "removed", "removed");
    await Deno.rename(`${root}/trash`, `${root}/away`);
    await Deno.writeTextFile(`${root}/trash`, "nothing can be moved here");
    const remove = () => store.snapshots.transact((table) => void table.delete("removed"));
    const removed = store.directories.removeSnapshot(1, remove);
    assertEquals((await assertRejects(() => removed, VarveError)).code, "E_SYSCALL");
    await Deno.remove(`${root}/trash`);
    await Deno.rename(`${root}/away`, `${root}/trash`);
  }
  assertEquals(await names(`${root}/snapshots`), ["1"]);
  {
    await using store = await openStore({ root });
    assertEquals([await names(`${root}/snapshots`), await names(`${root}/lost`)], [[], []]);
    await judgeStore(store);
  }
  await judgeIdle(root);
});

Deno.test("J01, P1: a removal of a snapshot that is killed before any of its calls leaves all or nothing", async () => {
  await using temp = await tempDir();
  const model = temp.join("model");
  {
    await using store = await openStore({ root: model });
    await makeSnapshot(store, "key", "mine");
  }
  const seen = new Set<number>();
  const step = Deno.env.get("VARVE_ALL_KILLS") === "1" ? 1 : 2;
  for (let killAt = 1;; killAt += step) {
    const root = temp.join(`store-${killAt}`);
    await copy(model, root);
    const task = { root, seeds: [], image: "", remove: "key" };
    await using child = startChild({ ...task, killAt });
    const code = await child.end();
    {
      await using store = await openStore({ root });
      await judgeStore(store, { index: false });
      const rows = store.snapshots.read((table) => table.list());
      seen.add(rows.length);
      assertEquals(await names(`${root}/snapshots`), rows.map(({ cacheId }) => `${cacheId}`));
      assertEquals(await names(`${root}/lost`), [], `call ${killAt}`);
    }
    await judgeIdle(root);
    if (code === 0) break;
    assertEquals(code, 137);
  }
  assertEquals([...seen].sort(), [0, 1]);
});

async function copy(from: string, to: string): Promise<void> {
  const { success } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
  assert(success);
}
