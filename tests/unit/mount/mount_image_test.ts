import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import {
  attachLoop,
  findMount,
  performMount,
  performUnmount,
  readKernelFile,
  readMountInfo,
} from "../../../lib/linux/mod.ts";
import { listMounts, mountImage, unmountAll, unmountImage } from "../../../lib/mount/mod.ts";
import { refuseBusy } from "../../../lib/snapshot/internal.ts";
import { liveMounts, MOUNT_LABEL, type Snapshotter } from "../../../lib/snapshot/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { mountAt, TMPFS } from "../../support/snapshots/snapshot_fixture.ts";
import { settled } from "../../support/snapshots/settled.ts";
import { namesIn } from "../../support/trees/names_in.ts";
import { mountTest as test } from "./mount_case.ts";

const isMounted = (path: string) => findMount(readMountInfo(), fromText(path)) !== undefined;

test(
  "an image is mounted by its name, without a pool, a driver or a snapshotter",
  async (one) => {
    const target = one.target("mnt");
    {
      await using mounted = await mountImage(one.store, "example.org/a:1", target);
      assertEquals([mounted.target, mounted.readOnly], [target, true]);
      assertEquals(await Deno.readTextFile(`${target}/b`), "upper");
    }
    assertEquals([isMounted(target), one.records()], [false, []]);
    for (const driver of ["native", "auto"] as const) {
      await mountImage(one.store, one.image, target, { driver, key: "work" });
      await Deno.writeTextFile(`${target}/new`, "kept");
      assertEquals((await unmountImage(one.store, target)).key, "work");
      await settled(one.store);
      await one.snapshotter.remove("work");
    }
    await mountImage(one.store, "example.org/a:1", target);
    assertEquals((await unmountAll(one.store)).map(({ target }) => target), [target]);
    assertEquals([isMounted(target), one.records()], [false, []]);
  },
);

test("a snapshot that is mounted is not removed, and keeps what was written", async (one) => {
  const target = one.target("mnt");
  await one.mount(target, "work");
  await Deno.writeTextFile(`${target}/new`, "kept");
  assertEquals(await codeOf(() => one.snapshotter.remove("work")), "E_BUSY");
  assertEquals(await Deno.readTextFile(`${target}/new`), "kept");
  await one.unmount(target);
  await one.mount(target, "work");
  assertEquals(await Deno.readTextFile(`${target}/new`), "kept");
  await one.unmount(target);
  await one.snapshotter.remove("work");
  assertEquals(one.records(), []);
});

test(
  "read-write: after the unmount nothing of the store is mounted, and it mounts again",
  async (one) => {
    const target = one.target("mnt");
    for (const text of ["first", "second"]) {
      await one.mount(target, "work");
      assertEquals(await Deno.readTextFile(`${target}/b`), "upper");
      await Deno.writeTextFile(`${target}/new`, text);
      await one.unmount(target);
      assertEquals(await mountsBelow(one.store.root), []);
    }
    // The mounts that a snapshotter returns are good again after a release.
    await using again = await mountAt(await one.snapshotter.mounts("work"), target);
    assertEquals(await Deno.readTextFile(`${again.path}/b`), "upper");
    assertEquals(await Deno.readTextFile(`${again.path}/new`), "second");
  },
);

test("unmountAll ends every mount of the store, and leaves what is in use", async (one) => {
  const [view, work, busy] = [one.target("view"), one.target("work"), one.target("busy")];
  await one.mount(view);
  await one.mount(work, "work");
  await one.mount(busy, "busy");
  assertEquals(
    listMounts(one.store).map(({ target, image, key, readOnly }) => [target, image, key, readOnly]),
    [
      [busy, "example.org/a:1", "busy", false],
      [view, "example.org/a:1", `mount:${view}`, true],
      [work, "example.org/a:1", "work", false],
    ],
  );
  // Its mounts are only values: nobody has performed them.
  await one.snapshotter.prepare("idle", one.image.chainId);
  const { store, snapshotter } = one;
  const child = new Deno.Command("sleep", { args: ["60"], cwd: busy }).spawn();
  try {
    const error = await assertRejects(() => unmountAll(store, { snapshotter }), VarveError);
    assertEquals(error.code, "E_BUSY");
    assertEquals(
      error.message,
      `Cannot unmount ${busy}: it is in use by sleep (process ${child.pid})`,
    );
    assertEquals(listMounts(store).map(({ target }) => target), [busy]);
    assertEquals(isMounted(view), false);
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
  assertEquals(await unmountAll(store, { snapshotter }), [{ target: busy, key: "busy" }]);
  await settled(store);
  assertEquals(await mountsBelow(store.root), []);
  assertEquals(await unmountAll(store, { snapshotter }), []);
  assertEquals(one.records(), ["active busy", "active idle", "active work"]);
});

test("a loop device over a file of a mount is named as its user", async (one) => {
  const target = one.target("mnt");
  await one.mount(target);
  let backing = "";
  {
    using device = attachLoop(fromText(`${target}/b`));
    const error = await assertRejects(() => one.unmount(target), VarveError);
    assertEquals(
      [error.code, error.message],
      ["E_BUSY", `Cannot unmount ${target}: it is in use by ${device.path}`],
    );
    assert(isMounted(target));
    backing = `/sys/block/${device.path.slice("/dev/".length)}/loop/backing_file`;
  }
  // The kernel lets go of the file some time after the last close.
  await waitUntil(
    "the device is free",
    () => !readKernelFile(backing)?.startsWith(fromText(target)),
  );
  await one.unmount(target);
});

test(
  "the users of a mount are named beside a process whose directory has a path longer than a page",
  async (one) => {
    const target = one.target("mnt");
    await using temp = await tempDir();
    const deep =
      `mkdir "d" x 200 and chdir "d" x 200 or die for 1..25; $| = 1; print "ready\n"; sleep 60`;
    const other = new Deno.Command("perl", { args: ["-e", deep], cwd: temp.path, stdout: "piped" })
      .spawn();
    const reader = other.stdout.getReader();
    assertEquals(new TextDecoder().decode((await reader.read()).value), "ready\n");
    await one.mount(target);
    const child = new Deno.Command("sleep", { args: ["60"], cwd: target }).spawn();
    try {
      const { store, snapshotter } = one;
      const error = await assertRejects(() => unmountAll(store, { snapshotter }), VarveError);
      assertEquals(
        error.message,
        `Cannot unmount ${target}: it is in use by sleep (process ${child.pid})`,
      );
    } finally {
      child.kill("SIGKILL");
      other.kill("SIGKILL");
      await Promise.all([child.status, other.status, reader.cancel()]);
    }
  },
);

test("read-only: a lease and a view while it lasts, nothing afterwards", async (one) => {
  const target = one.target("mnt");
  {
    await using mounted = await one.mount(`${target}/../mnt/`);
    assertEquals([mounted.target, mounted.readOnly], [target, true]);
    assertEquals(namesIn(target), ["a", "b"]);
    const error = await assertRejects(() => Deno.writeTextFile(`${target}/a`, "")) as Error;
    assert(/os error 30/.test(error.message));
    assertEquals(one.records(), [`lease mount:${target}`, `view mount:${target}`]);
    const lease = one.store.leases.get(`mount:${target}`);
    assertEquals(lease?.labels[MOUNT_LABEL], target);
    assertEquals(lease?.resources, [
      `snapshot:mount:${target}`,
      "image:example.org/a:1",
      `chain:${one.image.chainId}`,
    ]);
    assertEquals([...liveMounts(one.store).keys()], [target]);
  }
  assertEquals([isMounted(target), one.records(), namesIn(target)], [false, [], []]);
});

test("read-write: the changes stay, the image does not change", async (one) => {
  const [target, other] = [one.target("mnt"), one.target("other")];
  {
    await using mounted = await one.mount(target, "work");
    assertEquals([mounted.key, mounted.readOnly], ["work", false]);
    await Deno.writeTextFile(`${target}/a`, "changed");
    await Deno.remove(`${target}/b`);
    assertEquals(one.records(), [`lease mount:${target}`, "active work"]);
  }
  assertEquals(one.records(), ["active work"]);
  await using view = await one.mount(other);
  assertEquals(await Deno.readTextFile(`${view.target}/a`), "lower");
  await using again = await one.mount(target, "work");
  assertEquals(namesIn(again.target), ["a"]);
  assertEquals(await Deno.readTextFile(`${target}/a`), "changed");
});

test("disposing after an unmount is no error", async (one) => {
  const target = one.target("mnt");
  await using mounted = await one.mount(target);
  assertEquals((await one.unmount(target)).key, mounted.key);
  assertEquals(await codeOf(() => one.unmount(target)), "E_NOT_FOUND");
});

test("nothing is mounted over something else", async (one) => {
  const [target, foreign] = [one.target("mnt"), one.target("foreign")];
  await using mounted = await one.mount(target);
  const records = one.records();
  for (const key of [undefined, "work"]) {
    assertEquals(await codeOf(() => one.mount(target, key)), "E_PRECONDITION");
  }
  performMount(TMPFS, fromText(foreign));
  assertEquals(await codeOf(() => one.mount(foreign)), "E_PRECONDITION");
  assertEquals(one.records(), records);
  performMount(TMPFS, fromText(target));
  assertEquals(await codeOf(() => one.unmount(target)), "E_PRECONDITION");
  performUnmount(fromText(target));
  assertEquals((await one.unmount(mounted.target)).key, mounted.key);
});

test("a key is mounted once, by varve or by anything else", async (one) => {
  const [target, other] = [one.target("mnt"), one.target("other")];
  {
    await using mounted = await one.mount(target, "work");
    assertEquals(await codeOf(() => one.mount(other, mounted.key)), "E_BUSY");
    assertEquals(await codeOf(() => refuseBusy(one.store, "work")), "E_BUSY");
    assertEquals(isMounted(other), false);
  }
  assertEquals(await codeOf(() => refuseBusy(one.store, "work")), "ok");
  for (const mount of await one.snapshotter.mounts("work")) performMount(mount, fromText(other));
  assertEquals(await codeOf(() => one.mount(target, "work")), "E_BUSY");
  assertEquals(one.records(), ["active work"]);
  performUnmount(fromText(other));
  assertEquals(await codeOf(() => one.mount(target, "work")), "ok");
});

test("many at once: each directory and each key once", async (one) => {
  const target = one.target("mnt");
  const same = await Promise.all(Array.from({ length: 4 }, () => codeOf(() => one.mount(target))));
  assertEquals(same.filter((code) => code === "ok").length, 1);
  assert(same.every((code) => ["ok", "E_BUSY", "E_PRECONDITION"].includes(code)), String(same));
  const targets = ["1", "2", "3", "4"].map(one.target);
  const keyed = await Promise.all(targets.map((path) => codeOf(() => one.mount(path, "work"))));
  assertEquals(keyed.filter((code) => code === "ok").length, 1);
  assert(keyed.every((code) => ["ok", "E_BUSY", "E_EXISTS"].includes(code)), String(keyed));
  assertEquals(targets.filter(isMounted).length, 1);
  assertEquals(one.records().length, 4);
});

test("a key of another parent or kind is refused", async (one) => {
  const { snapshotter } = one;
  await snapshotter.prepare("other", null);
  await snapshotter.view("seen", null);
  await snapshotter.prepare("c", null);
  await snapshotter.commit("done", "c");
  const target = one.target("mnt");
  for (const key of ["other", "seen", "done"]) {
    assertEquals([key, await codeOf(() => one.mount(target, key))], [key, "E_EXISTS"]);
  }
  assertEquals(isMounted(target), false);
});

test("a target that is missing, or no directory, is refused", async (one) => {
  const file = one.temp.join("file");
  await Deno.writeTextFile(file, "");
  assertEquals(await codeOf(() => one.mount(one.temp.join("absent"))), "E_NOT_FOUND");
  assertEquals(await codeOf(() => one.mount(file)), "E_USAGE");
  assertEquals(await codeOf(() => one.mount(one.target("a\nb"))), "E_USAGE");
  assertEquals(one.records(), []);
  await Deno.symlink("linked", one.temp.join("link"));
  const linked = one.target("linked");
  await using mounted = await one.mount(one.temp.join("link"));
  assertEquals(mounted.target, linked);
});

test("nothing is mounted over the store or in it", async (one) => {
  const { store, temp } = one;
  await Deno.symlink(`${store.root}`, temp.join("link"));
  const refused = [
    temp.path,
    temp.join("store"),
    temp.join("store/mounts"),
    temp.join("link/layers"),
  ];
  for (const target of refused) {
    assertEquals([target, await codeOf(() => one.mount(target))], [target, "E_USAGE"]);
  }
  assertEquals(one.records(), []);
  await using beside = await one.mount(one.target("store-2"));
  assert(beside.readOnly);
});

test("a mount that fails leaves nothing", async (one) => {
  const { store, image, snapshotter } = one;
  const target = one.target("mnt");
  const mounts = [{
    type: "overlay",
    source: fromText("overlay"),
    options: ["ro", "lowerdir=/no/such/lower:/nor/this"],
  }];
  const broken: Snapshotter = Object.create(snapshotter, {
    ensureChain: { value: (chainId: never) => snapshotter.ensureChain(chainId) },
    stat: { value: (key: string) => snapshotter.stat(key) },
    remove: { value: (key: string) => snapshotter.remove(key) },
    prepare: {
      value: (...args: [string, string]) => snapshotter.prepare(...args).then(() => mounts),
    },
    view: { value: (...args: [string, string]) => snapshotter.view(...args).then(() => mounts) },
  });
  for (const key of [undefined, "work"]) {
    const mount = () => mountImage(store, image, target, { snapshotter: broken, key });
    assertEquals(await codeOf(mount), "E_SYSCALL");
    assertEquals([isMounted(target), one.records()], [false, []]);
  }
});

test("an unmount of a directory that is gone removes lease and view", async (one) => {
  const above = one.target("above");
  const target = `${above}/mnt`;
  await Deno.symlink(above, one.temp.join("link"));
  // The part of the path that exists is resolved.
  const way = one.temp.join("./link/../link/mnt");
  const cases: [string, () => void | Promise<void>][] = [
    [way, () => {}],
    [way, () => Deno.writeTextFile(target, "")],
    [target, () => Deno.remove(above)],
  ];
  for (const [path, replace] of cases) {
    await Deno.mkdir(target, { recursive: true });
    await one.mount(target);
    performUnmount(fromText(target));
    await Deno.remove(target);
    await replace();
    assertEquals(await codeOf(() => one.unmount(`${target}x`)), "E_NOT_FOUND");
    assertEquals((await one.unmount(path)).key, `mount:${target}`);
    assertEquals(one.records(), []);
    await Deno.remove(target).catch(() => {});
  }
});

test("an unmount of a mount in use is refused, and keeps lease and view", async (one) => {
  const target = one.target("mnt");
  await using mounted = await one.mount(target);
  const records = one.records();
  {
    using _ = await Deno.open(`${target}/a`);
    const error = await assertRejects(() => one.unmount(target), VarveError) as VarveError;
    assertEquals(error.code, "E_BUSY");
    assertEquals([isMounted(mounted.target), one.records()], [true, records]);
  }
  await one.unmount(target);
  assertEquals(one.records(), []);
});
