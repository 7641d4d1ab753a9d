import { assert, assertEquals, assertMatch } from "@std/assert";
import { openStore } from "../../lib/store/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const APP = "example.org/app:1";

async function loaded() {
  const temp = await tempDir();
  const image = sampleImage({ name: APP });
  const varve = commandOn(temp.join("store"));
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
  assertEquals((await varve(["load", temp.join("app.tar")])).code, 0);
  const layers = async () =>
    (await Array.fromAsync(Deno.readDir(temp.join("store/layers")))).length;
  return {
    temp,
    varve,
    layers,
    root: temp.join("store"),
    diffIds: image.layers.map(({ diffId }) => diffId),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

Deno.test("a lease keeps an image when its name is removed, until the lease is removed", async () => {
  await using store = await loaded();
  const { varve, layers } = store;
  const all = await layers();
  const { code, stdout } = await varve(["lease", "create", "--label", "job=42", APP]);
  assertEquals(code, 0);
  assertMatch(stdout, /^[0-9a-f]{16}\n$/);
  const id = stdout.trim();
  await varve(["rmi", APP]);
  assertEquals(await layers(), all);
  const [lease] = JSON.parse((await varve(["lease", "ls", "--format", "json"])).stdout);
  assertEquals([lease.id, lease.live, lease.expires, lease.labels], [id, true, null, {
    job: "42",
  }]);
  assertEquals(lease.resources[0], `image:${APP}`);
  assertMatch(
    (await varve(["lease", "ls"])).stdout,
    /^ID +LIVE +EXPIRES +RESOURCES\n[0-9a-f]{16} +yes +never +image:/,
  );
  assertEquals((await varve(["lease", "rm", id])).stdout, `${id}\n`);
  await varve(["gc"]);
  assertEquals([await layers(), (await varve(["lease", "ls"])).stdout.split("\n").length], [0, 2]);
});

Deno.test("a lease of one layer keeps that layer until it expires", async () => {
  await using store = await loaded();
  const { varve, layers, diffIds, root } = store;
  const [diffId = ""] = diffIds;
  const create = ["lease", "create", "--id", "one", "--expires", "1h30m", `layer:${diffId}`];
  assertEquals((await varve(create)).stdout, "one\n");
  await varve(["rmi", APP]);
  assertEquals(await layers(), 1);
  {
    // The lease as it is two hours later.
    await using open = await openStore({ root });
    const lease = open.leases.get("one");
    assert(lease !== undefined && lease.expiresAt !== null);
    assertEquals(lease.expiresAt - lease.createdAt >= 5_399_000, true);
    assertEquals(lease.expiresAt - lease.createdAt <= 5_401_000, true);
    open.leases.remove("one");
    open.leases.create({ ...lease, expiresAt: Date.now() - 1 });
  }
  const [ended] = JSON.parse((await varve(["lease", "ls", "--format", "json"])).stdout);
  assertEquals(ended.live, false);
  await varve(["gc"]);
  assertEquals(await layers(), 0);
  assertEquals((await varve(["lease", "rm", "one"])).code, 4);
});

Deno.test("lease create refuses what is not there, a taken id, and wrong options, and makes nothing", async () => {
  await using store = await loaded();
  const { varve } = store;
  assertEquals((await varve(["lease", "create", "--id", "taken", APP])).code, 0);
  for (
    const [exit, ...args] of [
      [4, "absent:1"],
      [4, APP, "absent:1"],
      [5, "--id", "taken", APP],
      [2, "--expires", "soon", APP],
      [2, "--expires", "5", APP],
      [2, "--expires", "100000000d", APP],
      [2, "--label", "nothing", APP],
      [2, "--label", "varve.mount=/mnt", APP],
      [2],
    ] as const
  ) {
    const { code, stdout, stderr } = await varve(["lease", "create", ...args]);
    assertEquals([code, stdout], [exit, ""], `${args}: ${stderr}`);
  }
  const { stderr } = await varve(["lease", "create", "absent:1"]);
  assertMatch(stderr, /^varve: Cannot protect "absent:1": the store has no such thing/);
  const ids = JSON.parse((await varve(["lease", "ls", "--format", "json"])).stdout);
  assertEquals(ids.map(({ id }: { id: string }) => id), ["taken"]);
  // All or nothing.
  assertEquals((await varve(["lease", "rm", "taken", "absent"])).code, 4);
  const twice = await varve(["lease", "rm", "taken", "taken"]);
  assertEquals([twice.code, twice.stdout], [0, "taken\n"]);
});

Deno.test({
  name: "lease rm refuses the lease of a mount until it is unmounted",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using store = await loaded();
    const { temp, varve } = store;
    const mnt = temp.join("mnt");
    await Deno.mkdir(mnt);
    assertEquals((await varve(["mount", APP, mnt], { isRoot: true })).code, 0);
    try {
      const { code, stderr } = await varve(["lease", "rm", `mount:${mnt}`]);
      assertEquals(code, 6);
      assertMatch(stderr, /it belongs to the mount at .*\(unmount it, or end the container\)\n$/);
    } finally {
      assertEquals((await varve(["umount", mnt], { isRoot: true })).code, 0);
    }
  },
});
