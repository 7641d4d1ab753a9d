import { assert, assertEquals, assertMatch } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";

// Opens libc before the first test begins.
import "../support/machine/needs.ts";

const APP = "example.org/app:1";

/** Bytes on the disk below a path, each file once. */
async function diskUsage(path: string): Promise<number> {
  const { stdout } = await new Deno.Command("du", { args: ["-s", "-B1", path] }).output();
  return Number(new TextDecoder().decode(stdout).split("\t")[0]);
}

async function loaded(temp: TempDir) {
  const tar = temp.join("app.tar");
  await Deno.writeFile(tar, archiveTar(ociFiles([sampleImage({ name: APP })])));
  const varve = commandOn(temp.join("store"));
  const load = async () => assertEquals((await varve(["load", tar])).code, 0);
  await load();
  return { varve, load, root: temp.join("store") };
}

Deno.test("rmi frees what only the image kept, and says how much", async () => {
  await using temp = await tempDir();
  const { varve, root } = await loaded(temp);
  const before = await diskUsage(root);
  const { code, stdout, stderr } = await varve(["rmi", APP]);
  assertEquals([code, stdout], [0, `${APP}\n`]);
  assertMatch(stderr, /^Freed [0-9.]+ [kM]?B\n$/);
  assert(await diskUsage(root) < before);
  assertEquals(await Array.fromAsync(Deno.readDir(`${root}/layers`)), []);
  const { stdout: again } = await varve(["--format", "json", "gc", "--dry-run"]);
  assertEquals(JSON.parse(again), {
    removed: [],
    bytes: 0,
    deferred: [],
    unreadable: [],
    dropped: [],
  });
});

Deno.test("rmi --no-gc leaves all to gc, whose dry run names each thing", async () => {
  await using temp = await tempDir();
  const { varve, root } = await loaded(temp);
  const { stdout, stderr } = await varve(["--format", "json", "rmi", "--no-gc", APP]);
  assertEquals([JSON.parse(stdout), stderr], [{ removed: [APP], freed: null }, ""]);
  const before = await diskUsage(root);
  const dry = await varve(["gc", "--dry-run"]);
  assertMatch(dry.stdout, /^KIND +NAME +SIZE +REASON\n(?:.*\n)*layer .*\nWould free [0-9.]+ kB\n$/);
  assertEquals(await diskUsage(root), before);
  const { bytes } = JSON.parse((await varve(["--format", "json", "gc"])).stdout);
  const after = await diskUsage(root);
  // Directories of the store itself may have become smaller or larger.
  assert(Math.abs(before - after - bytes) <= 16384, `${before} - ${after} is not ${bytes}`);
  assertEquals((await varve(["gc"])).stdout, "Freed 0 B\n");
});

Deno.test("gc keeps what images need, and an image that was removed can be loaded again", async () => {
  await using temp = await tempDir();
  const { varve, load } = await loaded(temp);
  await varve(["tag", APP, "example.org/other:1"]);
  assertEquals((await varve(["rmi", APP])).stderr, "");
  const tree = (await varve(["tree", "example.org/other:1"])).stdout;
  assertEquals((await varve(["gc"])).stdout, "Freed 0 B\n");
  assertEquals((await varve(["tree", "example.org/other:1"])).stdout, tree);
  await varve(["rmi", "example.org/other:1"]);
  await load();
  assertEquals((await varve(["tree", APP])).stdout, tree);
});

Deno.test("gc --drop-compressed lets images name their uncompressed layers, and says that digests change", async () => {
  await using temp = await tempDir();
  const { varve, load, root } = await loaded(temp);
  const json = async (...args: string[]) =>
    JSON.parse((await varve(["--format", "json", ...args])).stdout);
  await varve(["tag", APP, "example.org/other:1"]);
  const [before] = await json("images");
  const tree = (await varve(["tree", APP])).stdout;
  const planned = await varve(["gc", "--drop-compressed", "--dry-run", "--format", "json"]);
  assertMatch(
    planned.stderr,
    /example\.org\/app:1 would be [0-9a-f]{12}, it is [0-9a-f]{12}: a push would change/,
  );
  assertEquals(await json("images"), [before, ...(await json("images")).slice(1)]);
  const { code, stderr, stdout } = await varve(["gc", "--drop-compressed", "--format", "json"]);
  assertEquals(code, 0);
  // What was told is what happened.
  const [told, done] = [JSON.parse(planned.stdout), JSON.parse(stdout)];
  const names = ({ removed }: { removed: { name: string }[] }) =>
    removed.map(({ name }) => name).sort();
  assertEquals(names(told), names(done));
  assertEquals([told.bytes, told.dropped], [done.bytes, done.dropped]);
  assertMatch(
    stderr,
    /example\.org\/app:1 is now [0-9a-f]{12}, it was [0-9a-f]{12}: a push changes/,
  );
  const after = await json("images");
  assertEquals(after.map(({ name }: { name: string }) => name), [APP, "example.org/other:1"]);
  assertEquals(after[0].imageId, before.imageId);
  assertEquals(after[0].manifest !== before.manifest, true);
  assertEquals((await varve(["tree", APP])).stdout, tree);
  const blobs = await Array.fromAsync(Deno.readDir(`${root}/content/blobs/sha256`));
  // A manifest, a config, and the tars of the layers.
  const { layers } = sampleImage({ name: APP });
  const packed = layers.filter(({ descriptor, diffId }) => descriptor.digest !== diffId);
  assert(packed.length > 0);
  assertEquals(
    blobs.map(({ name }) => name).filter((name) =>
      packed.some(({ descriptor }) => descriptor.digest.endsWith(name))
    ),
    [],
  );
  assertEquals(blobs.length, 2 + layers.length);
  // Again it changes nothing, and the image is whole.
  assertEquals((await json("gc", "--drop-compressed")).dropped, []);
  assertEquals((await varve(["save", APP, "-o", temp.join("out.tar")])).code, 0);
  // The archive brings the compressed blobs back.
  await load();
  assertEquals((await json("images"))[0].manifest, before.manifest);
});
