import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { createSnapshotter, type Snapshotter } from "../../../lib/snapshot/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import { snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";

const NEEDS = needs({ root: true, mount: true });

Deno.test({
  name: "without a wanted driver, what the native driver made is mounted, changed and built on",
  ...NEEDS,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { chain, mount, snapshotter: native, store, pool } = fixture;
    const { chainId } = await chain([[{ name: "base", content: "base" }]]);
    await native.prepare("key", native.ensureChain(chainId));
    await native.prepare("committed", native.ensureChain(chainId));
    await native.commit("directory", "committed");

    const read = async (given: ReturnType<Snapshotter["mounts"]>, name: string) => {
      await using mounted = await mount(await given);
      return await Deno.readTextFile(`${mounted.path}/${name}`);
    };
    const best = createSnapshotter(store, { pool, driver: "auto" });
    assertEquals(best.driver, "erofs");
    {
      await using mounted = await mount(await best.mounts("key"));
      await Deno.writeTextFile(`${mounted.path}/own`, "own");
    }
    assertEquals(await read(best.mounts("key"), "own"), "own");
    assertEquals(await read(native.mounts("key"), "own"), "own");
    assertEquals(await read(best.view("view", "directory"), "base"), "base");
    assertEquals(await read(best.prepare("child", "directory"), "base"), "base");
    // What has only layers below it gets the best driver.
    const [first] = await best.prepare("new", best.ensureChain(chainId));
    assertEquals(first?.type, "overlay");
    for (const key of ["child", "view", "key", "new"]) await best.remove(key);

    // Who names a driver gets no other one.
    await native.prepare("again", native.ensureChain(chainId));
    const named = createSnapshotter(store, { pool, driver: "erofs" });
    const error = await assertRejects(() => named.mounts("again"), VarveError);
    assertEquals(error.code, "E_UNSUPPORTED");
  },
});
