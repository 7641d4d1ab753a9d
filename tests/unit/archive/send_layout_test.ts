import { assertEquals, assertRejects } from "@std/assert";
import { writeLayout } from "../../../lib/archive/internal.ts";
import { loadImages, saveToDirectory } from "../../../lib/archive/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { type PlannedImage, planStored, storedBlobs } from "../../../lib/image/internal.ts";
import { findImage, openMemoryStore, type Store } from "../../../lib/store/mod.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

/** A store with the images `x.org/app:1` to `x.org/app:9`. */
async function filled(): Promise<Store> {
  const store = openMemoryStore();
  const images = Array.from(
    Array(9),
    (_, at) =>
      buildImage({ name: `x.org/app:${at + 1}`, layers: [[{ name: "f", content: `${at}` }]] }),
  );
  await loadImages(store, ReadableStream.from([archiveTar(ociFiles(images))]));
  return store;
}

/** The names in a layout that are whole. */
async function namesIn(layout: string): Promise<string[]> {
  await using store = openMemoryStore();
  const images = await loadImages(store, layout);
  return images.flatMap(({ names }) => names).toSorted();
}

/** An image whose first blob is opened only after `before`. */
async function delayed(
  store: Store,
  name: string,
  before: () => Promise<unknown>,
): Promise<PlannedImage> {
  const plan = await planStored(store, await findImage(store, name), {
    absent: ({ digest }) => new VarveError("E_PRECONDITION", digest),
  });
  let waiting: Promise<unknown> | undefined;
  return {
    plan,
    blobs: {
      async open(blob, from, signal) {
        await (waiting ??= before());
        return await storedBlobs(store).open(blob, from, signal);
      },
    },
    config: ({ digest }) => store.blobs.read(digest),
  };
}

for (const isThere of [false, true]) {
  Deno.test(`a layout that appears while it is written gets the image, too${isThere ? ", also in a directory that was there" : ""}`, async () => {
    await using temp = await tempDir("varve-send-layout-");
    await using store = await filled();
    const layout = temp.join("layout");
    if (isThere) await Deno.mkdir(layout);
    const image = await delayed(
      store,
      "x.org/app:1",
      () => saveToDirectory(store, ["x.org/app:2"], layout),
    );
    await writeLayout(layout, { name: "x.org/app:1" }, image, { durability: "none" });
    assertEquals(await namesIn(layout), ["x.org/app:1", "x.org/app:2"]);
    assertEquals(await Array.fromAsync(Deno.readDir(temp.join()), ({ name }) => name), ["layout"]);
  });
}

Deno.test("a directory that appears meanwhile and is no layout is refused and kept", async () => {
  await using temp = await tempDir("varve-send-layout-");
  await using store = await filled();
  const layout = temp.join("layout");
  const image = await delayed(store, "x.org/app:1", async () => {
    await Deno.mkdir(layout);
    await Deno.writeTextFile(`${layout}/own`, "");
  });
  const name = { name: "x.org/app:1" };
  await assertRejects(() => writeLayout(layout, name, image, { durability: "none" }), VarveError);
  assertEquals(await Array.fromAsync(Deno.readDir(layout), ({ name }) => name), ["own"]);
  assertEquals(await Array.fromAsync(Deno.readDir(temp.join()), ({ name }) => name), ["layout"]);
});

Deno.test("all that save to one new layout at the same time succeed", async () => {
  await using temp = await tempDir("varve-send-layout-");
  await using store = await filled();
  const names = Array.from(Array(9), (_, at) => `x.org/app:${at + 1}`);
  await Promise.all(names.map((name) => saveToDirectory(store, [name], temp.join("layout"))));
  assertEquals(await namesIn(temp.join("layout")), names);
});
