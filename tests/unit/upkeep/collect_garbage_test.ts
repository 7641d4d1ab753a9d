import { assertEquals } from "@std/assert";
import { saveImages, saveToDirectory, saveToFile } from "../../../lib/archive/mod.ts";
import { fromText } from "../../../lib/bytes/mod.ts";
import { compressImage } from "../../../lib/image/mod.ts";
import { performUnmount } from "../../../lib/linux/mod.ts";
import { mountImage } from "../../../lib/mount/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { createSnapshotter } from "../../../lib/snapshot/mod.ts";
import type { DiskStore, Store } from "../../../lib/store/mod.ts";
import { collectGarbage } from "../../../lib/upkeep/mod.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { needs } from "../../support/machine/needs.ts";
import { settled } from "../../support/snapshots/settled.ts";
import { contentOf, type GcFixture, gcFixture } from "../store/disk/gc/gc_fixture.ts";

const APP = "docker.io/library/app:1";

async function mountedAt({ store, temp }: GcFixture, driver: "erofs" | "overlay") {
  const target = temp.join("mnt");
  await Deno.mkdir(target);
  const pool = createPool({ inline: true });
  const snapshotter = createSnapshotter(store, { driver, pool });
  const mounted = await mountImage(store, APP, target, { snapshotter });
  return {
    target,
    async [Symbol.asyncDispose]() {
      await mounted[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
    },
  };
}

for (const driver of ["erofs", "overlay"] as const) {
  Deno.test({
    name:
      `${driver}: what is mounted stays, whatever else is removed, and is freed after the unmount`,
    ...needs({ root: true, mount: true, kernel: "6.12" }),
    fn: async () => {
      await using fixture = await gcFixture();
      const { store } = fixture;
      await fixture.load(APP, ["base", "app"]);
      {
        await using mounted = await mountedAt(fixture, driver);
        store.images.removeAll([APP]);
        await collectGarbage(store);
        const text = await Deno.readTextFile(`${mounted.target}/base.txt`);
        assertEquals(text, "base".repeat(2000));
        assertEquals(store.layers.list().length, 2);
        assertEquals(store.blobs.list(), []);
      }
      await settled(store);
      await collectGarbage(store);
      assertEquals(contentOf(store), []);
      assertEquals(await mountsBelow(fixture.root), []);
    },
  });
}

Deno.test({
  name: "a lower that a killed unmount left mounted is unmounted, and its image is freed",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  fn: async () => {
    await using fixture = await gcFixture();
    const { store } = fixture;
    await fixture.load(APP, ["base"]);
    await using mounted = await mountedAt(fixture, "erofs");
    // An unmount that was killed before it unmounted the lower.
    performUnmount(fromText(mounted.target));
    const [lease] = store.leases.list();
    store.snapshots.transact((table) => table.delete(lease!.id));
    store.leases.remove(lease!.id);
    store.images.removeAll([APP]);
    assertEquals((await mountsBelow(fixture.root)).length, 1);
    await collectGarbage(store);
    assertEquals(await mountsBelow(fixture.root), []);
    assertEquals(contentOf(store), []);
  },
});

Deno.test("what is compressed for a push stays until the push has ended", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  await fixture.load(APP, ["base"], "none");
  await using pool = createPool({ inline: true });
  const before = contentOf(store);
  {
    await using holding = await store.ingest();
    const { target } = await compressImage(store, APP, { format: "gzip", pool, holding });
    await collectGarbage(store);
    assertEquals(store.blobs.stat(target.digest)?.digest, target.digest);
    assertEquals(contentOf(store).length, before.length + 2);
  }
  await collectGarbage(store);
  assertEquals(contentOf(store), before);
});

for (const way of ["stream", "file", "directory"] as const) {
  Deno.test(`what is compressed for a save (${way}) stays until the save has ended`, async () => {
    await using fixture = await gcFixture();
    const { temp } = fixture;
    await fixture.load(APP, ["base"], "none");
    await using pool = createPool({ inline: true });
    const before = contentOf(fixture.store);
    const collections: number[] = [];
    const store = beforeOpening(fixture.store, async () => {
      await collectGarbage(fixture.store);
      collections.push(contentOf(fixture.store).length);
    });
    const compression = { format: "gzip", pool } as const;
    if (way === "file") await saveToFile(store, [APP], temp.join("out.tar"), { compression });
    else if (way === "directory") {
      await saveToDirectory(store, [APP], temp.join("out"), { compression });
    } else {
      const read = (await saveImages(store, [APP], { compression })).getReader();
      while (!(await read.read()).done);
      // A stream that is not read to its end.
      const cancelled = (await saveImages(store, [APP], { compression })).getReader();
      await cancelled.read();
      await cancelled.cancel();
    }
    // Before the layer was compressed, and before each blob was written.
    assertEquals(collections[0], before.length);
    assertEquals(new Set(collections.slice(1, 3)), new Set([before.length + 2]));
    await collectGarbage(fixture.store);
    assertEquals(contentOf(fixture.store), before);
  });
}

/** A store that does something before it opens a blob. */
function beforeOpening(store: DiskStore, before: () => Promise<void>): Store {
  const open: Store["blobs"]["open"] = async (...args) => {
    await before();
    return await store.blobs.open(...args);
  };
  return replaced<Store>(store, { blobs: replaced(store.blobs, { open }) });
}

/** A thing, some members of which are others. */
function replaced<T extends object>(thing: T, others: Partial<T>): T {
  return new Proxy(thing, {
    get(_, key) {
      const value = Reflect.get(key in others ? others : thing, key);
      return typeof value === "function" ? value.bind(thing) : value;
    },
  });
}
