/** The setting `cache.size` after a mount that made something new. */
import { assertEquals } from "@std/assert";
import { mountImage } from "../../../lib/mount/mod.ts";
import type { StoredImage } from "../../../lib/store/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import {
  bringImage,
  DRIVER_NAMES,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../../support/trees/names_in.ts";

const OWN: readonly string[] = ["layer.tar", "tree", "marker", "generation"];

/** Which of some images have composed images or extracted directories. */
function cached({ store }: SnapshotFixture, images: readonly StoredImage[]): string[] {
  const { directories } = store;
  return images.filter(({ chainId }) => {
    const cacheId = store.chains.list().find((chain) => chain.chainId === chainId)?.cacheId ?? null;
    const homes = store.chains.diffIds(chainId as NonNullable<typeof chainId>)
      .map((diffId) => directories.layer(diffId));
    if (cacheId !== null) homes.push(directories.chain(cacheId));
    return homes.some((home) => namesIn(home).some((name) => !OWN.includes(name)));
  }).map(({ record }) => record.name.replace(/^.*\//, "")).sort();
}

for (const driver of DRIVER_NAMES) {
  Deno.test({
    name:
      `${driver}: a mount that makes caches removes those that are beyond cache.size, and no other`,
    ...needs({ root: true, mount: true }),
    async fn() {
      await using fixture = await snapshotFixture(driver);
      const { store, pool, snapshotter, temp } = fixture;
      const images: StoredImage[] = [];
      for (const name of ["a", "b", "c", "d"]) {
        const layer = [{ name, content: name.repeat(5000) }];
        images.push(await bringImage(store, pool, `example.org/${name}:1`, [layer]));
      }
      const [a, b, c, d] = images as [StoredImage, StoredImage, StoredImage, StoredImage];
      const mount = async (image: StoredImage, name: string, key?: string) => {
        await Deno.mkdir(temp.join(name));
        return await mountImage(store, image, temp.join(name), { snapshotter, key });
      };
      const read = (name: string, file: string) =>
        Deno.readTextFile(temp.join(name, file)).then(({ length }) => length);
      store.settings.set("cache.size", "1");
      {
        await using _ = await mount(a, "ma");
        // It is beyond the bound, but it is mounted.
        assertEquals(cached(fixture, images), ["a:1"]);
        assertEquals(await read("ma", "a"), 5000);
      }
      // Nothing new was made.
      assertEquals(cached(fixture, images), ["a:1"]);
      await using _b = await mount(b, "mb");
      assertEquals(cached(fixture, images), ["b:1"]);
      assertEquals(await read("mb", "b"), 5000);
      {
        await using _ = await mount(c, "mc", "work");
        assertEquals(await read("mc", "c"), 5000);
        assertEquals(cached(fixture, images), driver === "native" ? ["b:1"] : ["b:1", "c:1"]);
      }
      store.settings.set("cache.size", String(2 ** 30));
      await using _d = await mount(d, "md");
      const all = driver === "native" ? ["b:1", "d:1"] : ["b:1", "c:1", "d:1"];
      assertEquals(cached(fixture, images), all);
      store.settings.set("cache.size", "1");
      await using _a = await mount(a, "ma2");
      assertEquals(cached(fixture, images), ["a:1", "b:1", "d:1"]);
      for (const [at, name] of [["ma2", "a"], ["mb", "b"], ["md", "d"]] as const) {
        assertEquals(await read(at, name), 5000);
      }
    },
  });
}
