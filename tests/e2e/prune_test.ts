import { assert, assertEquals, assertMatch } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { NAME, sickStore } from "../support/upkeep/sick_store.ts";

const APP = "example.org/app:1";
const FLAT = "example.org/flat:1";

/** Bytes on the disk below a path, each inode once. */
async function du(path: string): Promise<number> {
  const { stdout } = await new Deno.Command("du", { args: ["-sx", "-B1", path] }).output();
  return Number(new TextDecoder().decode(stdout).split("\t")[0]);
}

/** A store with an image, another one made of it, and the first of two images that had the same name. */
async function loaded() {
  const temp = await tempDir();
  const varve = commandOn(temp.join("store"));
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([sampleImage({ name: APP })])));
  for (const args of [["load", temp.join("app.tar")], ["squash", APP, FLAT], ["tag", APP, FLAT]]) {
    const { code, stderr } = await varve(args);
    assertEquals(code, 0, stderr);
  }
  const names = async (): Promise<string[]> => {
    const { stdout } = await varve(["images", "--format", "json"]);
    return JSON.parse(stdout).map(({ name }: { name: string }) => name.replace(/@.*/, ""));
  };
  assertEquals(await names(), ["<none>", APP, FLAT]);
  return {
    varve,
    names,
    root: temp.join("store"),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

Deno.test("prune images removes those without a name, with --all every image that is not used", async () => {
  await using store = await loaded();
  const { varve, names } = store;
  const { code, stdout } = await varve(["prune", "images", "--force"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^KIND +NAME +SIZE +REASON\nimage +<none>@sha256:.* nothing uses it\n/);
  assertMatch(stdout, /\nFreed [0-9.]+ kB\n$/);
  assertEquals(await names(), [APP, FLAT]);
  assertEquals((await varve(["prune", "images", "--force"])).stdout, "Freed 0 B\n");
  // A lease uses one of the two names.
  await varve(["tag", APP, "example.org/kept:1"]);
  await varve(["lease", "create", "--id", "mine", "image:example.org/kept:1"]);
  assertEquals((await varve(["prune", "images", "-a", "-f"])).code, 0);
  assertEquals(await names(), ["example.org/kept:1"]);
  await varve(["lease", "rm", "mine"]);
  assertEquals((await varve(["prune", "images", "-a", "-f"])).code, 0);
  assertEquals(await names(), []);
});

Deno.test("prune asks on a terminal, and without one it removes nothing and ends with 2", async () => {
  await using store = await loaded();
  const { varve, names, root } = store;
  const before = await du(root);
  const mute = await varve(["prune", "images"]);
  assertEquals([mute.code, mute.stdout], [2, ""]);
  assertMatch(mute.stderr, /Cannot ask whether to go on: .*\(give --force or --dry-run\)\n$/);
  const answer = (text: string, ...more: string[]) =>
    varve(["prune", "images", ...more], {
      stdin: new TextEncoder().encode(text),
      terminals: ["stdin"],
    });
  for (const text of ["n\n", "\n", "", "yesterday\n"]) {
    const { code, stdout, stderr } = await answer(text);
    assertEquals([code, stdout], [0, "Nothing was removed\n"]);
    assertMatch(stderr, /Remove all of this and free [0-9.]+ kB\? \[y\/N\] $/);
  }
  const { stderr } = await answer("n\n", "--quiet");
  assertMatch(stderr, /^KIND +NAME[^]+\nRemove all of this and free [0-9.]+ kB\? \[y\/N\] $/);
  assertEquals([(await names()).length, await du(root)], [3, before]);
  const { code, stdout } = await answer("y\n");
  assertEquals(code, 0);
  assertMatch(stdout, /\nFreed [0-9.]+ kB\n$/);
  assertEquals(await names(), [APP, FLAT]);
});

Deno.test("prune --dry-run tells what is removed then, with the same bytes", async () => {
  await using store = await loaded();
  const { varve, root } = store;
  const before = await du(root);
  const prune = ["prune", "images", "--all", "--format", "json"];
  const dry = JSON.parse((await varve([...prune, "--dry-run"])).stdout);
  assertEquals(await du(root), before);
  const wet = JSON.parse((await varve([...prune, "--force"])).stdout);
  assertEquals(wet.images, dry.images);
  assertEquals(wet.bytes, dry.bytes);
  assert(Math.abs(before - await du(root) - wet.bytes) <= 16384);
  assertEquals((await varve(["gc"])).stdout, "Freed 0 B\n");
});

Deno.test("prune --filter lets through by age and by label", async () => {
  await using store = await loaded();
  const { varve, names } = store;
  for (
    const filter of [
      "until=1970-01-02",
      "until=5",
      "label=nothing.has.it",
      "label!=",
      "until!=5",
      "until=soon",
      "age=5",
    ]
  ) {
    const { code } = await varve(["prune", "images", "-a", "-f", "--filter", filter]);
    assertEquals(code, /^(?:until=1970|until=5$|label=)/.test(filter) ? 0 : 2, filter);
  }
  assertEquals((await names()).length, 3);
  const label = await varve(["prune", "caches", "-f", "--filter", "label=a"]);
  assertEquals(label.code, 2);
  assertMatch(label.stderr, /caches have no labels/);
  const all = ["prune", "images", "-a", "-f", "--filter", "label!=a", "--filter", "until=0s"];
  assertEquals((await varve(all)).code, 0);
  assertEquals(await names(), []);
});

Deno.test({
  name: "prune all --all frees what df called reclaimable, within 1 %, and leaves an empty store",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    await using sick = await sickStore();
    const { root, on, path } = sick;
    await Deno.writeFile(
      path("ingest", `sha256:${"5".repeat(64)}.part`),
      new Uint8Array(100_000),
      { mode: 0o600 },
    );
    // What a run records of a container that has ended.
    await on(["snapshot", "label", "work", `varve.container.image=${NAME}`]);
    const { reclaimable } = JSON.parse((await on(["df", "--format", "json"])).stdout);
    const before = await du(root);
    const { code, stdout } = await on(["prune", "all", "--all", "--force", "--format", "json"]);
    assertEquals(code, 0);
    const told = JSON.parse(stdout);
    const freed = before - await du(root);
    assert(
      Math.abs(freed - reclaimable) <= Math.max(0.01 * reclaimable, 8192),
      `${freed} of ${reclaimable}`,
    );
    assert(
      Math.abs(told.bytes - reclaimable) <= 0.01 * reclaimable,
      `${told.bytes} of ${reclaimable}`,
    );
    assertEquals([told.images, told.containers.length], [[NAME], 1]);
    for (const directory of ["layers", "chains", "snapshots", "trash", "content/blobs/sha256"]) {
      assertEquals(await Array.fromAsync(Deno.readDir(path(directory))), [], directory);
    }
    assertEquals(JSON.parse((await on(["fsck", "--deep", "--format", "json"])).stdout), []);
  },
});

Deno.test({
  name: "prune containers leaves images, prune caches leaves containers, and mounts work again",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    await using sick = await sickStore();
    const { root, on, chain } = sick;
    await on(["snapshot", "label", "work", `varve.container.image=${NAME}`]);
    const home = chain();
    const caches = await on(["prune", "caches", "--force"]);
    assertEquals(caches.code, 0);
    assertMatch(caches.stdout, /\ncache +.* it is not in use\n/);
    assertEquals(await Deno.stat(home).then(() => true, () => false), false);
    const mnt = `${root}.mnt`;
    await Deno.mkdir(mnt);
    try {
      assertEquals((await on(["mount", NAME, mnt, "--rw", "work"])).code, 0);
      // What is mounted stays.
      assertEquals((await on(["prune", "all", "--all", "--force"])).code, 0);
      assertEquals(await Deno.readTextFile(`${mnt}/written`), "by a user");
    } finally {
      await on(["umount", mnt]);
      await Deno.remove(mnt);
    }
    const { stdout } = await on(["prune", "containers", "--force", "--format", "json"]);
    assertEquals(
      JSON.parse(stdout).containers.map(({ key }: { key: string }) => key),
      ["work"],
    );
    assertEquals(JSON.parse((await on(["images", "--format", "json"])).stdout).length, 1);
  },
});
