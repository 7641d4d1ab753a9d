import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { exitCode, VarveError } from "../../../lib/errors.ts";
import { performUnmount } from "../../../lib/linux/mod.ts";
import type { Descriptor } from "../../../lib/oci/mod.ts";
import { openStore, type Store } from "../../../lib/store/mod.ts";
import { filesOf, judgeIdle, judgeStore } from "../../conformance/store_judge.ts";
import { bringLayer, finishLayer, sampleLayer } from "../../conformance/store_layers.ts";
import { snapshotFacts } from "../../support/snapshots/snapshot_facts.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

/** A file system of a size, for as long as it is needed. */
async function mounted(path: string, options: string): Promise<Disposable> {
  await Deno.mkdir(path, { recursive: true });
  await run(["mount", "-t", "tmpfs", "-o", options, "none", path]);
  return { [Symbol.dispose]: () => void performUnmount(fromText(path)) };
}

async function bring(store: Store, seed: number, size: number): Promise<void> {
  await using ingest = await store.ingest();
  const layer = sampleLayer(seed, size, 0);
  await bringLayer(ingest, layer);
  ingest.image(`image-${seed}`, await ingest.blob(new TextEncoder().encode("{}"), "text/plain"));
  ingest.chain([layer.diffId]);
  await ingest.commit();
}

/** All that a user sees of a store. */
async function visible(store: Store): Promise<unknown> {
  const files = (await filesOf(store.root as string)).filter((path) => !path.startsWith("meta.db"));
  return [files, store.images.list(), store.layers.list(), store.blobs.list()];
}

/** Kernel errors whose only cause here is the full disk; SQLite tells no more of some than "I/O". */
function isFull(error: VarveError): boolean {
  return error.code === "E_SYSCALL" && ["ENOSPC", "EIO"].includes(error.details.errno ?? "");
}

for (const [what, options] of [["space", "size=1m"], ["inodes", "size=8m,nr_inodes=40"]] as const) {
  Deno.test({
    name: `J09: a disk without ${what} is a clean error, and later a success`,
    ...needs({ root: true, mount: true }),
    fn: async () => {
      await using temp = await tempDir();
      const disk = temp.join("disk");
      using _ = await mounted(disk, options);
      const root = `${disk}/store`;
      {
        await using store = await openStore({ root });
        await bring(store, 0, 4096);
        let error: VarveError | undefined;
        let before: unknown;
        for (let seed = 1; error === undefined && seed < 100; seed++) {
          before = await visible(store);
          error = await bring(store, seed, 20_000).then(() => undefined, (error) => error);
        }
        // What stands for the layer job here writes without a word of its own.
        if (!String(error).includes("(os error 28)")) {
          assert(error instanceof VarveError && isFull(error), String(error));
          assertEquals(exitCode(error), 12);
        }
        assertEquals(await visible(store), before);
        // index.json is derived: on a full disk it may lag until the next commit or start.
        await judgeStore(store, { index: false });
        await run(["mount", "-o", "remount,size=16m,nr_inodes=4000", disk]);
        await bring(store, 1000, 20_000);
        await judgeStore(store);
      }
      await judgeIdle(root);
    },
  });
}

Deno.test({
  name: "J09: a disk that fills up before a commit leaves nothing of it",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const disk = temp.join("disk");
    using _ = await mounted(disk, "size=4m");
    await using store = await openStore({ root: `${disk}/store` });
    await bring(store, 0, 4096);
    const before = await visible(store);
    for (const left of [0, 1, 2, 4, 8]) {
      await using ingest = await store.ingest();
      const layer = sampleLayer(1, 100_000, 0);
      const begun = await ingest.layer(layer.key, { blob: true });
      if (begun.state === "new") await finishLayer(begun.staged, layer);
      ingest.image("b", await ingest.blob(new TextEncoder().encode("{}"), "text/plain"));
      await fill(`${disk}/filler`, left * 4096);
      const error = await assertRejects(() => ingest.commit(), VarveError).catch(() => undefined);
      await Deno.remove(`${disk}/filler`);
      if (error === undefined) break;
      assert(isFull(error), error.message);
      await ingest[Symbol.asyncDispose]();
      assertEquals(await visible(store), before, `${left} pages left`);
    }
    await bring(store, 1, 100_000);
    await judgeStore(store);
  },
});

for (const what of ["space", "inodes"]) {
  Deno.test({
    name:
      `J09: a store on a disk without ${what} and without a reserve is read, and refuses what writes`,
    ...needs({ root: true, mount: true }),
    fn: async () => {
      await using temp = await tempDir();
      const disk = temp.join("disk");
      using _ = await mounted(disk, "size=4m,nr_inodes=100");
      const root = `${disk}/store`;
      {
        await using store = await openStore({ root });
        await bring(store, 0, 4096);
      }
      const filler = `${disk}/filler`;
      await Deno.mkdir(filler);
      if (what === "space") await fill(`${filler}/0`, 0);
      else await assertRejects(() => fillInodes(filler), Error, "os error 28");
      const layer = sampleLayer(0, 4096, 0);
      {
        await using store = await openStore({ root });
        await judgeStore(store);
        assertEquals(await store.blobs.read(layer.digest), layer.blob);
        for (const write of [() => bring(store, 1, 4096), () => store.images.remove("image-0")]) {
          const error = await assertRejects(async () => await write(), VarveError);
          assert(isFull(error), String(error));
          assertMatch(error.details.hint as string, /free some space/);
        }
        assertEquals(store.images.list().length, 1);
        // The same store goes on when there is room again.
        await Deno.remove(filler, { recursive: true });
        store.images.remove("image-0");
        await bring(store, 1, 4096);
      }
      await using store = await openStore({ root });
      assertEquals(store.images.list().map(({ name }) => name), ["image-1"]);
      await judgeStore(store);
    },
  });
}

/** Makes empty files until there can be no more. */
async function fillInodes(directory: string): Promise<void> {
  for (let i = 0; i < 1000; i++) await Deno.writeFile(`${directory}/${i}`, new Uint8Array());
}

/** Fills a file system up to some bytes. */
async function fill(path: string, leave: number): Promise<void> {
  const piece = new Uint8Array(4096);
  using file = await Deno.open(path, { write: true, create: true });
  try {
    while (true) await file.write(piece);
  } catch {
    const { size } = await file.stat();
    await file.truncate(Math.max(0, size - leave));
  }
}

Deno.test({
  name: "J11: on a read-only file system a store opens for reading",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const disk = temp.join("disk");
    using _ = await mounted(disk, "size=8m");
    const root = `${disk}/store`;
    const layer = sampleLayer(0, 4096, 0);
    {
      await using store = await openStore({ root });
      await bring(store, 0, 4096);
    }
    await run(["mount", "-o", "remount,ro", disk]);
    const before = await filesOf(root);
    {
      await using store = await openStore({ root });
      assertEquals(store.images.list().length, 1);
      assertEquals(await store.blobs.read(layer.digest), layer.blob);
      assertEquals(store.chains.list().length, 1);
      await judgeStore(store);
      const target = store.images.get("image-0")?.target as Descriptor;
      for (
        const write of [
          () => store.ingest(),
          () => store.images.set("x", target),
          () => store.images.remove("image-0"),
          () => store.settings.set("a", "b"),
          () => store.leases.remove("a"),
          () => store.snapshots.transact(() => 1),
          () => store.chains.ensure([layer.diffId, layer.diffId]),
          () => store.directories?.createSnapshot(snapshotFacts("k")),
          () => store.directories?.ensure({ diffId: layer.diffId }, "fs", () => Promise.resolve()),
        ]
      ) {
        const error = await assertRejects(async () => await write(), VarveError);
        assertEquals([error.code, error.details.errno], ["E_SYSCALL", "EROFS"], String(write));
      }
    }
    assertEquals(await filesOf(root), before);
    const missing = await assertRejects(() => openStore({ root: `${disk}/other` }), VarveError);
    assertEquals([missing.code, missing.details.errno], ["E_SYSCALL", "EROFS"]);
    await run(["mount", "-o", "remount,rw", disk]);
    await using store = await openStore({ root });
    await bring(store, 1, 4096);
  },
});

Deno.test({
  name: "J11: what is only in the log of a killed process is told where it cannot be read",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const root = temp.join("store"), killed = temp.join("killed");
    {
      await using store = await openStore({ root });
      await bring(store, 0, 4096);
    }
    {
      await using store = await openStore({ root });
      await bring(store, 1, 4096);
      await run(["cp", "-a", root, killed]);
    }
    await Deno.remove(`${killed}/meta.db-shm`);
    await run(["mount", "--bind", killed, killed]);
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    try {
      await run(["mount", "-o", "remount,bind,ro", killed]);
      await using store = await openStore({ root: killed, onWarning });
      assertEquals(store.images.list().length, 1);
    } finally {
      await run(["umount", killed]);
    }
    assertEquals(warnings.map((text) => /in the log of its database, which cannot/.test(text)), [
      true,
    ]);
    await using store = await openStore({ root: killed, onWarning });
    assertEquals([store.images.list().length, warnings.length], [2, 1]);
  },
});

Deno.test({
  name: "J11: a file system that turns read-only under an ingest is a clean error",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const disk = temp.join("disk");
    using _ = await mounted(disk, "size=8m");
    await using outer = await openStore({ root: temp.join("elsewhere") });
    assertEquals(outer.images.list(), []);
    const root = `${disk}/store`;
    await using store = await openStore({ root });
    await bring(store, 0, 4096);
    await run(["mount", "-o", "bind", root, root]);
    try {
      await run(["mount", "-o", "remount,bind,ro", root]);
      const error = await assertRejects(() => bring(store, 1, 4096), VarveError);
      assertEquals([error.code, error.details.errno], ["E_SYSCALL", "EROFS"]);
    } finally {
      await run(["umount", "-l", root]);
    }
    await bring(store, 1, 4096);
    await judgeStore(store);
  },
});
