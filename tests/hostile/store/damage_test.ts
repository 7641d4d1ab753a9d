import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { performUnmount, uniqueMountIdOf } from "../../../lib/linux/mod.ts";
import { Database } from "../../../lib/store/disk/database/database.ts";
import { openStore, type Store } from "../../../lib/store/mod.ts";
import { filesOf, judgeIdle, judgeStore } from "../../conformance/store_judge.ts";
import { bringLayer, sampleLayer } from "../../conformance/store_layers.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const LAYER = sampleLayer(1, 4096, 0);
/** What a process leaves that did not end cleanly. */
const DEAD = "0123456789abcdef";

async function bring(store: Store): Promise<"new" | "present"> {
  await using ingest = await store.ingest();
  const state = await bringLayer(ingest, LAYER);
  const target = await ingest.blob(new TextEncoder().encode("{}"), "text/plain");
  ingest.image("a", target);
  ingest.chain([LAYER.diffId]);
  await ingest.commit();
  return state;
}

async function withStore<T>(root: string, fn: (store: Store) => Promise<T> | T): Promise<T> {
  await using store = await openStore({ root });
  return await fn(store);
}

function markUnclean(root: string): Promise<void> {
  return Deno.writeTextFile(`${root}/ingest/${DEAD}.lock`, "");
}

async function codeOf(fn: () => unknown): Promise<string> {
  return (await assertRejects(async () => await fn(), VarveError)).code;
}

Deno.test("J12: what a dead process left in ingest/, trash/ and as orphans goes", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  await withStore(root, bring);
  const before = await filesOf(root);
  await markUnclean(root);
  await Deno.mkdir(`${root}/ingest/${DEAD}/0/1`, { recursive: true });
  await Deno.writeTextFile(`${root}/ingest/${DEAD}/0/1/layer.tar`, "half");
  await Deno.writeTextFile(`${root}/ingest/${LAYER.diffId}.lock`, "");
  const offer = { owner: DEAD, staged: { directory: `${root}/ingest/${DEAD}/0/1` } };
  await Deno.writeTextFile(`${root}/ingest/${LAYER.diffId}.ready`, JSON.stringify(offer));
  await Deno.writeTextFile(`${root}/ingest/${sampleLayer(2).diffId}.ready`, "{cut");
  for (
    const path of ["layers/77", "layers/78/fs/deep", "chains/79", "snapshots/80", "trash/81.x/y"]
  ) {
    await Deno.mkdir(`${root}/${path}`, { recursive: true });
  }
  await Deno.writeTextFile(`${root}/content/blobs/sha256/${"ab".repeat(32)}`, "orphan");
  await withStore(root, judgeStore);
  await judgeIdle(root);
  assertEquals(await filesOf(root), before);
});

Deno.test("files that are not the store's own stay", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  await withStore(root, bring);
  const foreign = ["layers/notes", "content/blobs/sha256/README", "snapshots/007", "mine"];
  for (const path of foreign) await Deno.writeTextFile(`${root}/${path}`, "");
  await markUnclean(root);
  await withStore(root, () => {});
  for (const path of foreign) assertEquals((await Deno.stat(`${root}/${path}`)).isFile, true);
});

for (
  const [state, damage] of [
    ["is gone", (path: string) => Deno.remove(path, { recursive: true })],
    ["is empty", async (path: string) => {
      await Deno.remove(path, { recursive: true });
      await Deno.mkdir(path);
    }],
    ["has a tar that was cut", (path: string) => Deno.truncate(`${path}/layer.tar`, 10)],
    ["has no tree", (path: string) => Deno.remove(`${path}/tree`)],
  ] as const
) {
  Deno.test(`J12, moby#44909: a layer whose directory ${state} is damage, and comes again`, async () => {
    await using temp = await tempDir();
    const root = temp.path;
    const record = await withStore(root, async (store) => {
      await bring(store);
      return store.layers.get(LAYER.diffId);
    });
    await damage(`${root}/layers/${record?.cacheId}`);
    await markUnclean(root);
    await withStore(root, async (store) => {
      const { layers, directories } = store;
      if (state === "is gone") assertEquals(layers.get(LAYER.diffId)?.verifiedAt, 0);
      if (state !== "has a tar that was cut") {
        assertEquals(await codeOf(() => layers.tree(LAYER.diffId)), "E_DAMAGE");
        assertEquals(await codeOf(() => directories?.layerTree(LAYER.diffId)), "E_DAMAGE");
      }
      if (state !== "has no tree") {
        assertEquals(await codeOf(() => layers.open(LAYER.diffId)), "E_DAMAGE");
        assertEquals(await codeOf(() => layers.reader(LAYER.diffId)), "E_DAMAGE");
        const error = assertThrows(() => directories?.layerTar(LAYER.diffId), VarveError);
        assertEquals([error.code, error.details.hint !== undefined], ["E_DAMAGE", true]);
      }
      assertEquals(layers.get(LAYER.diffId)?.verifiedAt, 0);
      assertEquals(await bring(store), "new");
      assertEquals(store.layers.get(LAYER.diffId)?.cacheId, record?.cacheId);
      assert((store.layers.get(LAYER.diffId)?.verifiedAt ?? 0) > 0);
      await judgeStore(store);
    });
  });
}

Deno.test("a layer is repaired in place: what a driver made beside it stays", async () => {
  await using temp = await tempDir();
  await withStore(temp.path, async (store) => {
    await bring(store);
    const made = await store.directories?.ensure(
      { diffId: LAYER.diffId },
      "fs",
      () => Promise.resolve(),
    );
    await Deno.remove(store.directories?.layerTar(LAYER.diffId) as string);
    assertEquals(await bring(store), "new");
    assertEquals((await Deno.stat(made as string)).isDirectory, true);
    await judgeStore(store);
  });
});

Deno.test("F27: a blob that was changed is seen when it is read, and comes again", async () => {
  await using temp = await tempDir();
  await withStore(temp.path, async (store) => {
    await bring(store);
    const path = `${temp.path}/content/blobs/${LAYER.digest.replace(":", "/")}`;
    const flipped = await Deno.readFile(path);
    flipped[7] = (flipped[7] as number) ^ 1;
    await Deno.remove(path);
    await Deno.writeFile(path, flipped);
    assertEquals(await codeOf(() => store.blobs.read(LAYER.digest)), "E_DIGEST");
    const stream = await store.blobs.open(LAYER.digest);
    assertEquals(await codeOf(() => stream.pipeTo(new WritableStream())), "E_DIGEST");
    await Deno.truncate(path, 5);
    assertEquals(await codeOf(() => store.blobs.read(LAYER.digest)), "E_SIZE");
    assertEquals(await bring(store), "new");
    await judgeStore(store);
    await Deno.remove(path);
    assertEquals(await codeOf(() => store.blobs.read(LAYER.digest)), "E_DAMAGE");
    assertEquals(await codeOf(() => store.blobs.open(LAYER.digest)), "E_DAMAGE");
    assertEquals(await bring(store), "new");
    await judgeStore(store);
  });
});

Deno.test("P4: after an unclean end a start looks at what was committed since the barrier", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const left = temp.join("left");
  const store = await openStore({ root });
  await bring(store);
  // The state of the disk if the machine had stopped here.
  await new Deno.Command("cp", { args: ["-a", root, left] }).output();
  await store[Symbol.asyncDispose]();
  await Deno.truncate(`${left}/content/blobs/${LAYER.digest.replace(":", "/")}`, 0);
  await withStore(left, async (store) => {
    assertEquals(await bring(store), "new");
    await judgeStore(store);
  });
});

Deno.test("J06: without syncs a start looks at each commit, also after a clean end", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  {
    await using store = await openStore({ root, durability: "none" });
    await bring(store);
  }
  await Deno.truncate(`${root}/layers/1/layer.tar`, 0);
  await withStore(root, async (store) => {
    assertEquals(store.layers.get(LAYER.diffId)?.verifiedAt, 0);
    assertEquals(await bring(store), "new");
  });
  // That start was with syncs, and so a barrier.
  await Deno.truncate(`${root}/layers/1/layer.tar`, 0);
  await withStore(root, (store) => {
    assert((store.layers.get(LAYER.diffId)?.verifiedAt ?? 0) > 0);
  });
});

Deno.test("J06: without syncs each commit is looked at once in each mount of the file system", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const open = (at = root) => openStore({ root: at, durability: "none" });
  const isNoted = async (at = root) => {
    await using store = await open(at);
    return store.layers.get(LAYER.diffId)?.verifiedAt === 0;
  };
  await using started = await open();
  await bring(started);
  await started[Symbol.asyncDispose]();
  assertEquals(await isNoted(), false);
  const tar = await Deno.readFile(`${root}/layers/1/layer.tar`);
  await Deno.truncate(`${root}/layers/1/layer.tar`, 0);
  // Nothing but another program can do that in this mount. It is found when the layer is read.
  const isUnique = uniqueMountIdOf(fromText(root)) !== undefined;
  assertEquals(await isNoted(), !isUnique);
  // Another mount, such as after a boot, and a copy of the store.
  await run(["cp", "-a", root, temp.join("copy")]);
  assertEquals(await isNoted(temp.join("copy")), true);
  {
    using db = new Database(`${root}/meta.db`);
    db.run("UPDATE state SET value = value + 1 WHERE key = 'checked_in'");
  }
  assertEquals(await isNoted(), true);
  // A process that was killed: its lock is left.
  await Deno.writeFile(`${root}/layers/1/layer.tar`, tar);
  const again = await open();
  assertEquals(await bring(again), "new");
  await run(["cp", "-a", `${root}/ingest`, temp.join("ingest")]);
  await again[Symbol.asyncDispose]();
  assertEquals(await isNoted(), false);
  await Deno.truncate(`${root}/layers/1/layer.tar`, 0);
  await run(["cp", "-a", `${temp.join("ingest")}/.`, `${root}/ingest`]);
  assertEquals(await isNoted(), true);
});

Deno.test("an index.json that is missing, cut or old is written again", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  await withStore(root, bring);
  const index = `${root}/content/index.json`;
  const right = await Deno.readTextFile(index);
  for (const wrong of [undefined, "", right.slice(0, -5), right.replace(/"1"\}\}$/, '"0"}}')]) {
    if (wrong === undefined) await Deno.remove(index);
    else await Deno.writeTextFile(index, wrong);
    await withStore(root, judgeStore);
    assertEquals(await Deno.readTextFile(index), right);
  }
});

Deno.test("I08: a chain that was tampered with is damage, not a loop", async () => {
  await using temp = await tempDir();
  const root = temp.path;
  const other = sampleLayer(2);
  await withStore(root, async (store) => {
    await bring(store);
    {
      await using ingest = await store.ingest();
      await bringLayer(ingest, other);
      ingest.chain([LAYER.diffId, other.diffId]);
      await ingest.commit();
    }
    const top = store.chains.ensure([LAYER.diffId, other.diffId]);
    using db = new Database(`${root}/meta.db`);
    const set = (parent: string, of: string) =>
      db.run("UPDATE chain SET parent_chain_id = ? WHERE chain_id = ?", parent, of);
    set(top, LAYER.diffId);
    assertEquals(await codeOf(() => store.chains.diffIds(top)), "E_DAMAGE");
    db.run("UPDATE chain SET parent_chain_id = NULL");
    assertEquals(await codeOf(() => store.chains.diffIds(top)), "E_DAMAGE");
    set(sampleLayer(9).diffId, top);
    assertEquals(await codeOf(() => store.chains.diffIds(top)), "E_DAMAGE");
    set(LAYER.diffId, top);
    assertEquals(store.chains.diffIds(top), [LAYER.diffId, other.diffId] as DiffId[]);
  });
});

Deno.test({
  name: "J12: what is mounted in the trash is not deleted through",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    await withStore(root, () => {});
    const inside = `${root}/trash/5.left/merged`;
    await Deno.mkdir(inside, { recursive: true });
    await Deno.mkdir(temp.join("victim"));
    await Deno.writeTextFile(temp.join("victim", "file"), "dear");
    await run(["mount", "--bind", temp.join("victim"), inside]);
    try {
      await withStore(root, () => {});
    } finally {
      performUnmount(fromText(inside));
    }
    assertEquals(await Deno.readTextFile(temp.join("victim", "file")), "dear");
    await withStore(root, () => {});
    assertEquals(await filesOf(`${root}/trash`), []);
  },
});
