/** Mounts that are out of sight, but still used: what they need is kept. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { mountImage, unmountImage } from "../../../lib/mount/mod.ts";
import { detachedOf, isDetachedUsed, leaseLiveness } from "../../../lib/snapshot/internal.ts";
import { readMountInfo } from "../../../lib/linux/mod.ts";
import type { StoredImage } from "../../../lib/store/mod.ts";
import { collectGarbage } from "../../../lib/upkeep/mod.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { needs } from "../../support/machine/needs.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import {
  bringImage,
  DRIVER_NAMES,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { settled } from "../../support/snapshots/settled.ts";
import { namesIn } from "../../support/trees/names_in.ts";

const need = needs({ root: true, mount: true, tools: ["unshare"] });

interface Case extends SnapshotFixture {
  readonly image: StoredImage;
  readonly target: string;
}

/** Registers a test for each driver, over an image of two layers. */
function test(name: string, fn: (one: Case) => Promise<void>): void {
  for (const driver of DRIVER_NAMES) {
    Deno.test({
      name: `${driver}: ${name}`,
      ...need,
      async fn() {
        await using fixture = await snapshotFixture(driver);
        const { store, pool, temp } = fixture;
        const image = await bringImage(store, pool, "example.org/a:1", [
          [{ name: "a", content: "lower" }, { name: "dir/" }, { name: "dir/b", content: "b" }],
          [{ name: "c", content: "upper" }],
        ]);
        const target = temp.join("mnt");
        await Deno.mkdir(target);
        await fn({ ...fixture, image, target });
      },
    });
  }
}

/** A process that has a mount as its working directory; dispose kills it. */
async function worker(
  directory: string,
  namespace = false,
): Promise<{ pid: number } & AsyncDisposable> {
  const child = new Deno.Command(namespace ? "unshare" : "sleep", {
    args: namespace ? ["--mount", "--propagation", "private", "sleep", "99"] : ["99"],
    cwd: namespace ? "/" : directory,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const own = await Deno.readLink("/proc/self/ns/mnt");
  await waitUntil("the process", async () => {
    const comm = await Deno.readTextFile(`/proc/${child.pid}/comm`);
    const space = await Deno.readLink(`/proc/${child.pid}/ns/mnt`);
    return comm === "sleep\n" && (space !== own) === namespace;
  });
  return {
    pid: child.pid,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

const layersOf = ({ store }: Case) => namesIn(`${store.root}/layers`).length;

test("what a process uses of a detached mount is kept until the process ends", async (one) => {
  const { store, snapshotter, image, target } = one;
  await mountImage(store, image, target, { snapshotter });
  {
    await using process = await worker(target);
    const { inUse } = await unmountImage(store, target, { snapshotter, lazy: true });
    assertEquals(inUse, true);
    assertEquals(await mountsBelow(target), []);
    store.images.remove(image.record.name);
    store.settings.set("cache.size", "1");
    await collectGarbage(store);
    const cwd = `/proc/${process.pid}/cwd`;
    for (const [path, text] of [["a", "lower"], ["dir/b", "b"], ["c", "upper"]]) {
      assertEquals(await Deno.readTextFile(`${cwd}/${path}`), text);
    }
    assertEquals(layersOf(one), 2);
    // The directory can be used again meanwhile.
    const again = await bringImage(store, one.pool, "example.org/b:1", [[{ name: "x" }]]);
    await using mounted = await mountImage(store, again, target, { snapshotter });
    assertEquals(namesIn(mounted.target), ["x"]);
    await collectGarbage(store);
    assertEquals(await Deno.readTextFile(`${cwd}/c`), "upper");
  }
  store.images.remove("example.org/b:1");
  await settled(store);
  await collectGarbage(store);
  assertEquals([store.leases.list(), layersOf(one)], [[], 0]);
});

test("the snapshot of a detached mount is in use until its last user ends", async (one) => {
  const { store, snapshotter, image, target } = one;
  await mountImage(store, image, target, { snapshotter, key: "work" });
  {
    await using process = await worker(`${target}/dir`);
    await unmountImage(store, target, { snapshotter, lazy: true });
    await Deno.writeTextFile(`/proc/${process.pid}/cwd/new`, "written late");
    const busy = [
      () => snapshotter.remove("work"),
      () => mountImage(store, image, target, { snapshotter, key: "work" }),
    ];
    for (const refused of busy) {
      const error = await assertRejects(async () => void await refused(), VarveError);
      assertEquals(error.code, "E_BUSY");
      assert(error.message.includes("still uses the mount"), error.message);
    }
    await collectGarbage(store);
  }
  {
    await settled(store);
    await using _ = await mountImage(store, image, target, { snapshotter, key: "work" });
    assertEquals(await Deno.readTextFile(`${target}/dir/new`), "written late");
  }
  await settled(store);
  await snapshotter.remove("work");
  assertEquals([store.leases.list(), await mountsBelow(store.root)], [[], []]);
});

test("an unmount that nothing outlives leaves no lease", async ({ store, snapshotter, image, target }) => {
  for (const lazy of [false, true]) {
    for (const key of [undefined, "work"]) {
      // Again if the container of another test, which begins just now, has a copy of the mount.
      await waitUntil("an unmount of what nothing uses", async () => {
        await mountImage(store, image, target, { snapshotter, key });
        const { inUse } = await unmountImage(store, target, { snapshotter, lazy });
        if (inUse) await settled(store);
        assertEquals(store.leases.list(), []);
        return !inUse;
      }, { deadline: 60_000 });
    }
  }
});

test("a copy in another mount namespace shows all that it showed", async (one) => {
  const { store, snapshotter, image, target, driver } = one;
  // A bind mount has no file system of its own: nobody knows of its copies.
  if (driver.name === "native") return;
  await mountImage(store, image, target, { snapshotter });
  {
    await using process = await worker(target, true);
    const { inUse } = await unmountImage(store, target, { snapshotter });
    // A composed image has its files open: the kernel keeps them by itself.
    assertEquals(inUse, driver.name === "overlay");
    store.images.remove(image.record.name);
    await collectGarbage(store);
    assertEquals(await Deno.readTextFile(`/proc/${process.pid}/root${target}/c`), "upper");
  }
  await settled(store);
  await collectGarbage(store);
  assertEquals([store.leases.list(), layersOf(one)], [[], 0]);
});

test("a detached mount of another boot is over", async ({ store, snapshotter, image, target }) => {
  await mountImage(store, image, target, { snapshotter });
  await using _ = await worker(target);
  await unmountImage(store, target, { snapshotter, lazy: true });
  const [lease] = store.leases.list();
  const detached = lease === undefined ? undefined : detachedOf(lease);
  assert(lease !== undefined && detached !== undefined);
  const mounts = readMountInfo();
  assertEquals(leaseLiveness(0, null)(lease), true);
  assertEquals(isDetachedUsed(detached, mounts), true);
  assertEquals(isDetachedUsed({ ...detached, boot: "another" }, mounts), false);
});
