/** Races between processes, interruptions and failures: one process wins, and nothing is left. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { foldLayers } from "../../../lib/layer/mod.ts";
import { withTopLower } from "../../../lib/snapshot/internal.ts";
import { createSnapshotter, type Driver } from "../../../lib/snapshot/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { listing } from "../../support/extraction/arena.ts";
import { snapshotFacts } from "../../support/snapshots/snapshot_facts.ts";
import { needs } from "../../support/machine/needs.ts";
import { startRacer } from "../../support/races/start_racer.ts";
import {
  DRIVER_NAMES,
  mountAt,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../../support/trees/names_in.ts";
import { sorted, treeListing, withoutLinks } from "../../support/trees/tree_listing.ts";

const LAYERS = [[{ name: "a" }], [{ name: "b" }], [{ name: "c" }]];

for (const driver of DRIVER_NAMES) {
  const each = { ...needs({ root: true, mount: true }) };

  Deno.test({
    name: `${driver}: of several processes that prepare one key exactly one does`,
    ...each,
    async fn() {
      await using fixture = await snapshotFixture(driver);
      const { store, snapshotter } = fixture;
      const { chainId } = await fixture.chain(LAYERS);
      const parent = snapshotter.ensureChain(chainId);
      const rounds = 6;
      const args = [store.root as string, driver, parent, `${rounds}`];
      const racers = await Promise.all([1, 2, 3].map(() => startRacer("prepare_racer.ts", args)));
      const codes = await Promise.all(racers.map((one) => one.go()));
      for (let round = 0; round < rounds; round++) {
        const one = codes.map((list) => list[round]).sort();
        assertEquals(one, ["E_EXISTS", "E_EXISTS", "ok"]);
      }
      assertEquals(snapshotter.walk(["kind==active"]).length, rounds);
      assertEquals(namesIn(`${store.root}/snapshots`).length, rounds);
      assertEquals(namesIn(`${store.root}/trash`), []);
    },
  });

  Deno.test({
    name: `${driver}: a prepare that fails leaves nothing, and succeeds later`,
    ...each,
    async fn() {
      await using fixture = await snapshotFixture(driver);
      const { store, snapshotter } = fixture;
      const { chainId, diffIds } = await fixture.chain([...LAYERS, [{ name: "d", content: "d" }]]);
      const parent = snapshotter.ensureChain(chainId);
      const tar = store.directories?.layerTar(diffIds[3] as typeof diffIds[0]) as string;
      await Deno.rename(tar, `${tar}.away`);
      const before = snapshotter.walk();
      for (const kind of ["prepare", "view"] as const) {
        assertEquals(await codeOf(() => snapshotter[kind]("k", parent)), "E_DAMAGE");
      }
      assertEquals(snapshotter.walk(), before);
      assertEquals(namesIn(`${store.root}/snapshots`), []);
      assertEquals(namesIn(`${store.root}/trash`), []);
      await Deno.rename(`${tar}.away`, tar);
      assertEquals(await codeOf(() => snapshotter.prepare("k", parent)), "ok");
    },
  });

  Deno.test({
    name: `${driver}: a full disk fails a prepare, and nothing is left of it`,
    ...each,
    async fn() {
      await using fixture = await snapshotFixture(driver, { inMemory: true });
      const { store, snapshotter, temp } = fixture;
      const big = new Uint8Array(4 << 20).fill(1);
      const { chainId } = await fixture.chain([[{ name: "a" }], [{ name: "b", content: big }]]);
      const parent = snapshotter.ensureChain(chainId);
      const remount = async (size: string) => {
        const options = ["-o", `remount,size=${size}`, temp.path];
        const { success } = await new Deno.Command("mount", { args: options }).output();
        assert(success);
      };
      await remount("6m");
      // Not even the few kilobytes of an image fit.
      const rest = temp.join("rest");
      await assertRejects(() => Deno.writeFile(rest, big), Error, "os error 28");
      const error = await snapshotter.prepare("k", parent).catch((error) => error);
      assertEquals([error.code, error.details?.errno], ["E_SYSCALL", "ENOSPC"]);
      assertEquals([snapshotter.walk(["kind==active"]), namesIn(`${store.root}/snapshots`)], [
        [],
        [],
      ]);
      await Deno.remove(rest);
      await remount("64m");
      await using mounted = await fixture.mount(await snapshotter.prepare("k", parent));
      assertEquals(await Deno.readFile(`${mounted.path}/b`), big);
    },
  });

  Deno.test({
    name: `${driver}: a parent that is replaced meanwhile is noticed`,
    ...each,
    async fn() {
      await using fixture = await snapshotFixture(driver);
      const { store, snapshotter } = fixture;
      await snapshotter.prepare("first", null);
      await snapshotter.commit("p", "first");
      await snapshotter.prepare("second", null);
      const slow: Driver = {
        name: driver,
        async create(request) {
          const mounts = await fixture.driver.create(request);
          await snapshotter.remove("p");
          await snapshotter.commit("p", "second");
          return mounts;
        },
        mounts: (request) => fixture.driver.mounts(request),
        usage: (cacheId) => fixture.driver.usage(cacheId),
        warm: (ancestors) => fixture.driver.warm(ancestors),
        createExtract: (cacheId) => fixture.driver.createExtract(cacheId),
        extractMounts: (cacheId) => fixture.driver.extractMounts(cacheId),
        showBelow: (request, isNew) => fixture.driver.showBelow(request, isNew),
        hideBelow: (cacheId) => fixture.driver.hideBelow(cacheId),
        sync: (cacheId) => fixture.driver.sync(cacheId),
      };
      const slowly = createSnapshotter(store, { driver: slow });
      assertEquals(await codeOf(() => slowly.prepare("k", "p")), "E_BUSY");
      assertEquals(snapshotter.walk().map(({ key }) => key), ["p"]);
      assertEquals(namesIn(`${store.root}/snapshots`).length, 1);
    },
  });

  Deno.test({
    name: `${driver}: a commit writes the files to the disk before the row`,
    ...each,
    async fn() {
      for (const durability of ["full", "none"] as const) {
        await using fixture = await snapshotFixture(driver, { durability });
        const { snapshotter, jobs, store, driver: inner } = fixture;
        await snapshotter.prepare("a", null);
        jobs.length = 0;
        const states: string[] = [];
        const watched: Driver = {
          name: driver,
          create: (request) => inner.create(request),
          mounts: (request) => inner.mounts(request),
          usage: (cacheId) => inner.usage(cacheId),
          warm: (ancestors) => fixture.driver.warm(ancestors),
          createExtract: (cacheId) => fixture.driver.createExtract(cacheId),
          extractMounts: (cacheId) => fixture.driver.extractMounts(cacheId),
          showBelow: (request, isNew) => fixture.driver.showBelow(request, isNew),
          hideBelow: (cacheId) => fixture.driver.hideBelow(cacheId),
          sync: async (cacheId) => {
            states.push(snapshotter.stat("a").kind);
            await inner.sync(cacheId);
          },
        };
        await createSnapshotter(store, { driver: watched }).commit("c", "a");
        assertEquals(snapshotter.stat("c").kind, "committed");
        assertEquals([states, jobs], durability === "full" ? [["active"], ["sync"]] : [[], []]);
      }
    },
  });
}

Deno.test({
  name: "overlay: more layers than the kernel stacks",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const { snapshotter, store } = fixture;
    const { chainId, diffIds } = await fixture.chain(Array.from({ length: 520 }, (_, i) => [
      { name: "d/", mode: 0o700 + i % 64, uid: i },
      { name: `d/${i}`, content: `${i}` },
      { name: `e/f/${i % 40}`, content: `${i}` },
      { name: `d/.wh.${i - 30}` },
    ]));
    const trees = await Promise.all(diffIds.map((diffId) => store.layers.tree(diffId)));
    const mounts = await snapshotter.view("v", snapshotter.ensureChain(chainId));
    const lowers = mounts[0]?.options.find((option) => option.startsWith("lowerdir="))?.split(":");
    assertEquals(lowers?.length, 499);
    // A container puts one more lower on top.
    const top = fixture.temp.join("top");
    await Deno.mkdir(`${top}/above`, { recursive: true });
    await using above = await fixture.mount(mounts.map((mount) => withTopLower(mount, top)));
    assert((await Deno.stat(`${above.path}/above`)).isDirectory);
    await using mounted = await fixture.mount(mounts);
    const expected = treeListing(foldLayers(trees), false);
    assertEquals(sorted(withoutLinks(listing(mounted.path))), expected);
    assertEquals(fromText(mounted.path).length, mounted.path.length);
  },
});

Deno.test({
  name: "overlay: more committed snapshots than the kernel stacks are refused",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const { snapshotter, store, temp } = fixture;
    // The rows that 498 rounds of prepare and commit leave, without waiting for the rounds.
    let parent: string | null = null;
    for (let i = 0; i < 498; i++) {
      const made = await store.directories?.createSnapshot(snapshotFacts(`${i}`));
      if (made === undefined) throw new Error("no directories");
      for (const name of ["fs", "work", "empty"]) await Deno.mkdir(`${made.path}/${name}`);
      const [key, cacheId] = [`${i}`, made.cacheId];
      const times = { createdAt: 0, updatedAt: 0 };
      const rest = { parent, diffId: null, labels: {}, usage: null, ...times };
      store.snapshots.transact((table) => table.put({ key, kind: "committed", cacheId, ...rest }));
      parent = key;
    }
    {
      const mounts = await snapshotter.prepare("k", parent);
      await using mounted = await mountAt(mounts, temp.join("mnt"));
      assertEquals(namesIn(mounted.path), []);
    }
    await snapshotter.commit("498", "k");
    assertEquals(await codeOf(() => snapshotter.prepare("k", "498")), "E_LIMIT");
    assertEquals(snapshotter.walk(["kind==active"]), []);
  },
});
