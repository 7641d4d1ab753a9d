import { assert, assertEquals, assertMatch } from "@std/assert";
import { openStore } from "../../lib/store/mod.ts";
import { diskUsage } from "../../lib/upkeep/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { NAME, sickStore } from "../support/upkeep/sick_store.ts";

const APP = "example.org/app:1";

/** Bytes on the disk below a path, each inode once. */
async function du(path: string): Promise<number> {
  const { stdout } = await new Deno.Command("du", { args: ["-sx", "-B1", path] }).output();
  return Number(new TextDecoder().decode(stdout).split("\t")[0]);
}

Deno.test({
  name: "df: the sum is that of du, whatever is in the store",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    await using sick = await sickStore();
    const { root, on, path } = sick;
    const part = path("ingest", `sha256:${"5".repeat(64)}.part`);
    await Deno.writeFile(part, new Uint8Array(300_000));
    await Deno.mkdir(path("lost/77/fs"), { recursive: true });
    await Deno.writeFile(path("lost/77/fs/file"), new Uint8Array(50_000));
    await Deno.link(path("lost/77/fs/file"), path("lost/77/fs/other"));
    await Deno.mkdir(path("trash/old"));
    await Deno.writeFile(path("trash/old/file"), new Uint8Array(70_000));
    const mnt = `${root}.mnt`;
    await Deno.mkdir(mnt);
    assertEquals((await on(["mount", NAME, mnt])).code, 0);
    try {
      await using store = await openStore({ root });
      const usage = await diskUsage(store);
      assertEquals(usage.size, await du(root));
      const row = (type: string) => usage.rows.find((one) => one.type === type);
      for (const type of ["images", "snapshots", "caches", "parts", "lost", "store"]) {
        assert((row(type)?.size ?? 0) > 0, type);
      }
      assertEquals(row("images")?.active, 1);
      assertEquals([row("parts")?.total, row("parts")?.active], [1, 0]);
      assert((row("parts")?.reclaimable ?? 0) >= 300_000);
      // The file with two names counts once, and nobody removes it.
      assert((row("lost")?.size ?? 0) < 100_000);
      assertEquals(row("lost")?.reclaimable, 0);
    } finally {
      assertEquals((await on(["umount", mnt])).code, 0);
      await Deno.remove(mnt);
    }
  },
});

Deno.test({
  name: "snapshot rm tells the bytes that du counts, with the directories beside the files",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    await using sick = await sickStore();
    const bytes = await du(sick.snapshot("work"));
    const { code, stdout } = await sick.on(["snapshot", "rm", "work", "--format", "json"]);
    assertEquals([code, JSON.parse(stdout).freed], [0, bytes]);
  },
});

Deno.test({
  name: "df: what is reclaimable is what rmi frees, within 1 %",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    await using sick = await sickStore();
    const { root, on } = sick;
    assertEquals((await on(["snapshot", "rm", "work"])).code, 0);
    const { stdout } = await on(["df", "--format", "json"]);
    const { reclaimable, size } = JSON.parse(stdout);
    assert(reclaimable > 100_000 && reclaimable < size);
    const before = await du(root);
    assertEquals((await on(["rmi", NAME])).code, 0);
    const freed = before - await du(root);
    // The directories of the store itself may lose a block.
    assert(
      Math.abs(freed - reclaimable) <= Math.max(0.01 * reclaimable, 8192),
      `${freed} of ${reclaimable}`,
    );
    assertEquals(JSON.parse((await on(["df", "--format", "json"])).stdout).reclaimable, 0);
  },
});

Deno.test("df -v: the layers of two images are shared, and a document of one is unique", async () => {
  await using temp = await tempDir();
  const varve = commandOn(temp.join("store"));
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([sampleImage({ name: APP })])));
  await Deno.mkdir(temp.join("empty"));
  assertEquals((await varve(["load", temp.join("app.tar")])).code, 0);
  await varve(["tag", APP, "example.org/same:1"]);
  const append = await varve(["squash", APP, "example.org/flat:1"]);
  assertEquals(append.code, 0, append.stderr);
  const { stdout } = await varve(["df", "-v", "--format", "json"]);
  const { rows, images, layers } = JSON.parse(stdout);
  assertEquals(rows[0].total, 2);
  assertEquals(images.length, 2);
  for (const { size, shared, unique } of images) assertEquals(size, shared + unique);
  const app = images.find(({ names }: { names: string[] }) => names.includes(APP));
  assertEquals(app.names.sort(), [APP, "example.org/same:1"]);
  // Another image with other layers: nothing is shared.
  assertEquals(app.shared, 0);
  assert(app.unique > 0);
  for (const { images, shared } of layers) assertEquals([images, shared], [1, 0]);
  // Now a third image that has all layers of the first.
  await Deno.writeFile(temp.join("more.tar"), new Uint8Array(1024));
  const more = await varve(["append", APP, temp.join("more.tar"), "example.org/more:1"]);
  assertEquals(more.code, 0, more.stderr);
  const again = JSON.parse((await varve(["df", "-v", "--format", "json"])).stdout);
  const shared = again.images.find(({ names }: { names: string[] }) => names.includes(APP));
  assert(shared.shared > 0.5 * shared.size);
  assert(again.layers.some(({ images }: { images: number }) => images === 2));
  const text = (await varve(["df", "-v"])).stdout;
  assertMatch(text, /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nimages +3 /);
  assertMatch(text, /\nIMAGE +DIGEST +SIZE +SHARED +UNIQUE +CONTAINERS\n/);
});
