/**
 * A database that is older than the files: restored from a copy, or without its WAL. Nothing that the
 * database does not know is removed, and no cache id is given twice.
 */
import { assert, assertEquals } from "@std/assert";
import { type DiskStore, openStore } from "../../lib/store/mod.ts";
import { filesOf } from "../conformance/store_judge.ts";
import { bringLayer, type SampleLayer, sampleLayer } from "../conformance/store_layers.ts";
import { run } from "../support/machine/process.ts";
import { checkStore } from "../../lib/upkeep/mod.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { snapshotFacts } from "../support/snapshots/snapshot_facts.ts";
import type { ChildTask } from "./store_child.ts";
import { startChild } from "./store_children.ts";
import "../support/machine/needs.ts";

/** What a process leaves that did not end cleanly. */
const DEAD = "0123456789abcdef";
const OLD = sampleLayer(1, 4096, 0);
const NEW = sampleLayer(2, 4096, 0);

async function bring(store: DiskStore, layer: SampleLayer, name: string): Promise<void> {
  await using ingest = await store.ingest();
  await bringLayer(ingest, layer);
  ingest.image(name, await ingest.blob(new TextEncoder().encode(name), "text/plain"));
  ingest.chain([layer.diffId]);
  await ingest.commit();
}

/** Makes a snapshot that holds one file with its key. */
async function keep(store: DiskStore, key: string): Promise<string> {
  const { cacheId, path } = await store.directories.createSnapshot(snapshotFacts(key));
  await Deno.mkdir(`${path}/fs`);
  await Deno.mkdir(`${path}/work`);
  store.snapshots.transact((table) =>
    table.put({
      key,
      kind: "active",
      parent: null,
      cacheId,
      diffId: null,
      labels: {},
      createdAt: 0,
      updatedAt: 0,
      usage: null,
    })
  );
  await Deno.writeTextFile(`${path}/fs/file`, key);
  return path;
}

/** The keys in the files below `snapshots/` and `lost/`. */
async function keptKeys(root: string): Promise<string[]> {
  const keys: string[] = [];
  for (const path of await filesOf(root)) {
    if (!/^(?:snapshots|lost)\/.*\/file$/.test(path)) continue;
    keys.push(await Deno.readTextFile(`${root}/${path}`));
  }
  return keys.sort();
}

/** Copies a store that is in use, as a process leaves it that is killed now. */
async function copyOf(root: string, to: string): Promise<void> {
  await run(["cp", "-a", root, to]);
}

const DAMAGES: Readonly<Record<string, (root: string, copy: string) => Promise<void>>> = {
  "whose WAL was removed": async (root) => {
    for (const end of ["-wal", "-shm"]) await Deno.remove(`${root}/meta.db${end}`);
  },
  "that was restored from a copy": async (root, copy) => {
    for (const end of ["-wal", "-shm"]) await Deno.remove(`${root}/meta.db${end}`);
    await Deno.copyFile(copy, `${root}/meta.db`);
  },
};

for (const [what, damage] of Object.entries(DAMAGES)) {
  for (const end of ["clean", "unclean"]) {
    Deno.test(
      `P1, I10: a database ${what}, after ${
        end === "clean" ? "a clean" : "an unclean"
      } end: nothing that it does not know is removed`,
      async () => {
        await using temp = await tempDir();
        const [live, root] = [temp.join("live"), temp.join("store")];
        {
          await using store = await openStore({ root: live });
          await bring(store, OLD, "old");
          await keep(store, "first");
        }
        await Deno.copyFile(`${live}/meta.db`, temp.join("copy.db"));
        {
          await using store = await openStore({ root: live });
          await bring(store, NEW, "new");
          await keep(store, "second");
          await keep(store, "third");
          await copyOf(live, root);
        }
        await damage(root, temp.join("copy.db"));
        await run(["sh", "-c", 'rm -rf "$0"/ingest/*', root]);
        if (end === "unclean") await Deno.writeTextFile(`${root}/ingest/${DEAD}.lock`, "");
        await judgeOlder(root);
      },
    );
  }
}

/** Works on a store whose database knows `old` and `first`; `new`, `second` and `third` must stay. */
async function judgeOlder(root: string): Promise<void> {
  const warnings: string[] = [];
  const open = () => openStore({ root, onWarning: (message) => warnings.push(message) });
  const layer = `${root}/layers/3/layer.tar`;
  {
    await using store = await open();
    assertEquals(store.images.list().map(({ name }) => name), ["old"]);
    const path = await keep(store, "fourth");
    assertEquals(await keptKeys(root), ["first", "fourth", "second", "third"]);
    assert(Number(path.slice(path.lastIndexOf("/") + 1)) > 5, path);
    assertEquals(await Deno.readFile(layer), NEW.tar);
  }
  assert(warnings.some((text) => text.includes("older than its files")), warnings.join());
  // A later process dies: the sweep leaves all of it, too.
  await Deno.writeTextFile(`${root}/ingest/${DEAD}.lock`, "");
  {
    await using store = await open();
    await bring(store, sampleLayer(3, 4096, 0), "other");
    await bring(store, sampleLayer(4, 4096, 0), "gone");
    store.images.remove("gone");
    store.images.remove("old");
  }
  {
    await using store = await open();
    const findings = await checkStore(store);
    const [database] = findings.filter(({ kind }) => kind === "database");
    assertEquals(database?.healedBy, "rebuild", JSON.stringify(findings));
  }
  await judgeKept(root);
}

/** Nothing of `new`, `second` and `third` was removed, and `index.json` names `new` still. */
async function judgeKept(root: string): Promise<void> {
  assertEquals(await keptKeys(root), ["first", "fourth", "second", "third"]);
  assertEquals(await Deno.readFile(`${root}/layers/3/layer.tar`), NEW.tar);
  const blob = `${root}/content/blobs/sha256/${NEW.digest.slice(7)}`;
  assertEquals(await Deno.readFile(blob), NEW.blob);
  const index = await Deno.readTextFile(`${root}/content/index.json`);
  const names = [...index.matchAll(/"org.opencontainers.image.ref.name":"(\w+)"/g)];
  assertEquals(
    names.map(([, name]) => name).filter((name) => name !== "old").sort(),
    ["new", "other"],
  );
}

Deno.test("P1, I10: a WAL that was cut anywhere: nothing that the database does not know is removed", async () => {
  await using temp = await tempDir();
  const live = temp.join("live");
  {
    await using store = await openStore({ root: live });
    await bring(store, OLD, "old");
    await keep(store, "first");
  }
  {
    await using store = await openStore({ root: live });
    await bring(store, NEW, "new");
    await keep(store, "second");
    await keep(store, "third");
    await copyOf(live, temp.join("model"));
  }
  const { size } = await Deno.stat(temp.join("model/meta.db-wal"));
  for (let cut = 0; cut < 12; cut++) {
    const root = temp.join(`store-${cut}`);
    await copyOf(temp.join("model"), root);
    await Deno.truncate(`${root}/meta.db-wal`, Math.floor(size * cut / 12));
    await run(["sh", "-c", 'rm -rf "$0"/ingest/*', root]);
    for (let i = 0; i < 2; i++) {
      await Deno.writeTextFile(`${root}/ingest/${DEAD}.lock`, "");
      await using store = await openStore({ root });
      if (i === 0) await keep(store, "fourth");
      else await bring(store, sampleLayer(3, 4096, 0), "other");
      const ids = store.layers.list().map(({ cacheId }) => cacheId);
      assertEquals(ids.length, new Set(ids).size);
    }
    await judgeKept(root);
  }
});

Deno.test("P1: nothing is collected while the database is older than the files", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  {
    await using store = await openStore({ root });
    await bring(store, OLD, "old");
  }
  await Deno.copyFile(`${root}/meta.db`, temp.join("copy"));
  {
    await using store = await openStore({ root });
    await bring(store, NEW, "new");
  }
  await Deno.rename(temp.join("copy"), `${root}/meta.db`);
  await using store = await openStore({ root });
  for (let left = store.images.list(); left.length > 0; left = store.images.list()) {
    store.images.removeAll(left.map(({ name }) => name));
  }
  const { removed, unreadable } = await store.collector.collect();
  assertEquals([removed, unreadable], [[], []]);
  assert(store.layers.get(OLD.diffId) !== undefined);
});

Deno.test("P1: an id that is taken on the disk is not used, and what has it stays", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  const warnings: string[] = [];
  await using store = await openStore({ root, onWarning: (text) => warnings.push(text) });
  await keep(store, "first");
  // Another store's directories, put here while this one is open.
  for (const path of ["snapshots/2", "layers/3", "chains/4"]) {
    await Deno.mkdir(`${root}/${path}/fs`, { recursive: true });
    await Deno.writeTextFile(`${root}/${path}/fs/file`, path);
  }
  await keep(store, "second");
  await bring(store, OLD, "old");
  const chain = store.chains.ensure([OLD.diffId]);
  await store.directories.ensure({ chainId: chain }, "fs", () => Promise.resolve());
  assertEquals(await keptKeys(root), ["first", "second", "snapshots/2"]);
  for (const path of ["layers/3", "chains/4"]) {
    assertEquals(await Deno.readTextFile(`${root}/${path}/fs/file`), path);
  }
  // These directories have no marker, so they say nothing about the database.
  assertEquals(warnings, []);
});

/** The second of two tasks is killed before its N-th call, and then the database loses its WAL. */
async function killAndCut(killAt: number): Promise<void> {
  await using temp = await tempDir();
  const root = temp.join("store");
  const task: ChildTask = { root, seeds: [1], image: "a", directories: true };
  await using first = startChild(task);
  assertEquals(await first.end(), 0);
  await using killed = startChild({ ...task, seeds: [2], image: "b", key: "other", killAt });
  assertEquals(await killed.end(), 137, `call ${killAt} was not reached`);
  const has = (word: string) => killed.words.includes(word);
  for (const end of ["-wal", "-shm"]) await Deno.remove(`${root}/meta.db${end}`).catch(() => {});
  for (let i = 0; i < 2; i++) {
    await using store = await openStore({ root });
    assert(store.images.get("a") !== undefined, `call ${killAt}`);
    const kept = await keptKeys(root);
    assert(kept.includes("key"), `call ${killAt}: ${kept}`);
    if (has("directories")) assert(kept.includes("other"), `call ${killAt}: ${kept}`);
    if (has("committed")) {
      const tars = await Array.fromAsync(
        Deno.readDir(`${root}/layers`),
        ({ name }) => Deno.readFileSync(`${root}/layers/${name}/layer.tar`).join(),
      );
      assert(tars.includes(sampleLayer(2, 4096, 0).tar.join()), `call ${killAt}`);
    }
    await keep(store, `again-${i}`);
    await Deno.writeTextFile(`${root}/ingest/${DEAD}.lock`, "");
  }
}

Deno.test("J01, P1: a process that is killed before any of its calls, and whose WAL is lost then, loses nothing else", async () => {
  for (let killAt = 40;; killAt += 17) {
    try {
      await killAndCut(killAt);
    } catch (error) {
      if (killAt > 90 && String(error).includes("was not reached")) return;
      throw error;
    }
  }
});
