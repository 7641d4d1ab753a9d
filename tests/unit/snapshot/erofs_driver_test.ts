/** Composed chains: shared, found again, repaired, and unmounted when nothing needs them. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import {
  CWD,
  findMount,
  getXattrAt,
  performUnmount,
  readMountInfo,
} from "../../../lib/linux/mod.ts";
import {
  createSnapshotter,
  type Driver,
  type KernelPart,
  selectDriver,
} from "../../../lib/snapshot/mod.ts";
import { trimShared } from "../../../lib/snapshot/lowers.ts";
import { codeOf } from "../../support/code_of.ts";
import { listing } from "../../support/extraction/arena.ts";
import { needs } from "../../support/machine/needs.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { startRacer } from "../../support/races/start_racer.ts";
import {
  type FixtureOptions,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../../support/trees/names_in.ts";

const LAYERS = [
  [{ name: "a", content: "content" }, { name: "d/", mode: 0o700 }, { name: "d/gone" }],
  [{ name: "d/b", content: "more" }, { name: "d/.wh.gone" }],
];

type Case = Omit<FixtureOptions, "root">;

function test(name: string, options: Case, fn: (one: SnapshotFixture) => Promise<void>): void {
  Deno.test({
    name: `erofs driver: ${name}`,
    ...needs({ root: true, mount: true, kernel: "6.12" }),
    async fn() {
      await using fixture = await snapshotFixture("erofs", options);
      await fn(fixture);
    },
  });
}

const lowersOf = ({ store }: SnapshotFixture) =>
  readMountInfo().filter(({ mountPoint }) => mountPoint.startsWith(`${store.root}/mounts/`));

/** Directories of the composed images, in the order in which they were composed. */
const composedIn = ({ store }: SnapshotFixture) =>
  namesIn(`${store.root}/chains`).map(Number).sort((a, b) => a - b)
    .map((id) => `${store.root}/chains/${id}/erofs`);

async function read(fixture: SnapshotFixture, key: string): Promise<string> {
  await using mounted = await fixture.mount(await fixture.reopen().mounts(key));
  return await Deno.readTextFile(`${mounted.path}/a`);
}

test(
  "all snapshots of a chain share one mount, which ends with the last of them",
  {},
  async (fixture) => {
    const { snapshotter, store } = fixture;
    const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
    for (const key of ["v1", "v2"]) await snapshotter.view(key, parent);
    await snapshotter.prepare("rw", parent);
    const [lower, ...more] = lowersOf(fixture);
    assertEquals([lower?.type, more.length], ["erofs", 0]);
    assert(lower?.superOptions.some((option) => option === "ro"));
    await using mounted = await fixture.mount(await snapshotter.mounts("rw"));
    for (const key of ["v1", "rw"]) await snapshotter.remove(key);
    assertEquals(lowersOf(fixture).length, 1);
    await snapshotter.remove("v2");
    assertEquals([lowersOf(fixture).length, namesIn(`${store.root}/mounts`)], [0, []]);
    // An overlay that uses the lower is not disturbed.
    assertEquals(await Deno.readTextFile(`${mounted.path}/a`), "content");
  },
);

test(
  "only binds and overlays are handed out, and the image file is read-only",
  {},
  async (fixture) => {
    const { snapshotter } = fixture;
    const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
    await snapshotter.prepare("k", parent);
    await snapshotter.commit("c", "k");
    const types = new Map<string, string[]>();
    for (const [key, on] of [["none", null], ["layers", parent], ["directory", "c"]] as const) {
      const made = [
        await snapshotter.view(`v ${key}`, on),
        await snapshotter.prepare(`p ${key}`, on),
      ];
      types.set(key, made.flat().map(({ type }) => type));
    }
    assertEquals([...types.values()], [
      ["overlay", "overlay"],
      ["bind", "overlay"],
      ["overlay", "overlay"],
    ]);
    const [composed = ""] = composedIn(fixture);
    assertEquals(((await Deno.stat(`${composed}/image`)).mode ?? 0) & 0o777, 0o444);
    await using view = await fixture.mount(await snapshotter.mounts("v layers"));
    await assertRejects(() => Deno.writeTextFile(`${view.path}/a`, ""), Error, "os error 30");
  },
);

test("chains with equal trees and locators share one image and one mount", {}, async (fixture) => {
  const { snapshotter } = fixture;
  const first = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
  const second = snapshotter.ensureChain((await fixture.chain([...LAYERS, []])).chainId);
  await snapshotter.view("1", first);
  await snapshotter.view("2", second);
  const images = composedIn(fixture).map((path) => Deno.statSync(`${path}/image`).ino);
  assertEquals([images.length, new Set(images).size, lowersOf(fixture).length], [2, 1, 1]);
  await snapshotter.remove("1");
  assertEquals(lowersOf(fixture).length, 1);
  assertEquals(await read(fixture, "2"), "content");
  await snapshotter.remove("2");
  assertEquals(lowersOf(fixture), []);
});

test("a shared mount that a reboot or a kill took away is made again", {}, async (fixture) => {
  const { snapshotter, store } = fixture;
  const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
  const mounts = await snapshotter.view("v", parent);
  const [lower] = lowersOf(fixture);
  const path = lower?.mountPoint as string;
  // The state after a kill between making the directory and mounting.
  performUnmount(fromText(path));
  assertEquals(await snapshotter.mounts("v"), mounts);
  assertEquals(await read(fixture, "v"), "content");
  performUnmount(fromText(path));
  await Deno.remove(path);
  assertEquals(await read(fixture, "v"), "content");
  // The state after a kill between removing the row and the trim: the next trim does it.
  store.snapshots.transact((table) => table.delete("v"));
  await snapshotter.prepare("k", null);
  await snapshotter.remove("k");
  assertEquals(namesIn(`${store.root}/mounts`), []);
});

test("a snapshotter of another driver unmounts the lowers, too", {}, async (fixture) => {
  const { snapshotter, store } = fixture;
  const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
  for (const driver of ["native", "overlay"] as const) {
    await snapshotter.view("kept", parent);
    await snapshotter.view("v", parent);
    const other = createSnapshotter(store, { driver });
    await other.remove("v");
    assertEquals(lowersOf(fixture).length, 1);
    await other.remove("kept");
    assertEquals([driver, ...namesIn(`${store.root}/mounts`)], [driver]);
  }
});

test("a released snapshot whose mounts fail keeps no lower mounted", {}, async (fixture) => {
  const { snapshotter, store } = fixture;
  const chain = await fixture.chain(LAYERS);
  const parent = snapshotter.ensureChain(chain.chainId);
  await snapshotter.prepare("k", parent);
  snapshotter.release("k");
  assertEquals(lowersOf(fixture), []);
  const tar = store.directories.layerTar(chain.diffIds[0] as never);
  await Deno.rename(tar, `${tar}.away`);
  await assertRejects(() => snapshotter.mounts("k"), Error, "missing or truncated");
  await Deno.rename(`${tar}.away`, tar);
  await snapshotter.view("v", parent);
  assertEquals(lowersOf(fixture).length, 1);
  await snapshotter.remove("v");
  assertEquals(lowersOf(fixture), []);
  await snapshotter.mounts("k");
  assertEquals(lowersOf(fixture).length, 1);
});

test("a prepare that fails after the mount leaves no lower", {}, async (fixture) => {
  const { snapshotter, store, driver: inner } = fixture;
  const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
  const stop = new AbortController();
  const reason = new Error("enough");
  const driver: Driver = {
    name: inner.name,
    async create(request) {
      const mounts = await inner.create(request);
      assertEquals(lowersOf(fixture).length, 1);
      stop.abort(reason);
      return mounts;
    },
    mounts: (request) => inner.mounts(request),
    usage: (cacheId) => inner.usage(cacheId),
    warm: (ancestors) => inner.warm(ancestors),
    createExtract: (cacheId) => inner.createExtract(cacheId),
    extractMounts: (cacheId) => inner.extractMounts(cacheId),
    showBelow: (request, isNew) => inner.showBelow(request, isNew),
    hideBelow: (cacheId) => inner.hideBelow(cacheId),
    sync: (cacheId) => inner.sync(cacheId),
  };
  const late = createSnapshotter(store, { driver }).view("v", parent, { signal: stop.signal });
  assertEquals(await assertRejects(() => late), reason);
  assertEquals(namesIn(`${store.root}/mounts`), []);
});

for (
  const [what, damage] of [
    ["a missing image", (path: string) => Deno.remove(`${path}/image`)],
    ["a cut image", (path: string) => Deno.truncate(`${path}/image`, 1024)],
    ["an image without its description", (path: string) => Deno.remove(`${path}/image.json`)],
    ["a damaged description", (path: string) => Deno.writeTextFile(`${path}/image.json`, "{}")],
    ["no JSON", (path: string) => Deno.writeTextFile(`${path}/image.json`, "\0\0")],
  ] as const
) {
  test(`${what} is composed again, also while it is mounted`, {}, async (fixture) => {
    const { snapshotter, store, jobs } = fixture;
    const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
    await snapshotter.view("v", parent);
    const [composed = ""] = composedIn(fixture);
    await damage(composed);
    jobs.length = 0;
    assertEquals(await read(fixture, "v"), "content");
    assertEquals(await codeOf(() => snapshotter.view("w", parent)), "ok");
    assertEquals([jobs, namesIn(composed)], [["compose"], ["image", "image.json"]]);
    for (const key of ["v", "w"]) await snapshotter.remove(key);
    assertEquals(
      [namesIn(`${store.root}/mounts`), namesIn(`${store.root}/trash`), lowersOf(fixture)],
      [[], [], []],
    );
  });
}

test("a cut image that is shared is not shared again", {}, async (fixture) => {
  const { snapshotter } = fixture;
  const first = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
  const second = snapshotter.ensureChain((await fixture.chain([...LAYERS, []])).chainId);
  await snapshotter.view("1", first);
  const [composed = ""] = composedIn(fixture);
  await Deno.truncate(`${composed}/image`, 1024);
  await snapshotter.view("2", second);
  for (const key of ["1", "2"]) assertEquals(await read(fixture, key), "content");
});

test(
  "on a file system in memory, images are mounted through loop devices, which end with the mount",
  {
    inMemory: true,
  },
  async (fixture) => {
    const { snapshotter, temp } = fixture;
    const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
    await snapshotter.view("v", parent);
    const [lower] = lowersOf(fixture);
    assert(/^\/dev\/loop\d+$/.test(lower?.source ?? ""), lower?.source);
    assertEquals(loopsBelow(temp.path).length, 3);
    assertEquals(await read(fixture, "v"), "content");
    await snapshotter.remove("v");
    // The kernel detaches them a moment after the unmount.
    await waitUntil("the end of the loop devices", () => loopsBelow(temp.path).length === 0, {
      seen: () => loopsBelow(temp.path),
    });
  },
);

test("directio is a setting", {}, async (fixture) => {
  const { store, pool, snapshotter } = fixture;
  store.settings.set("erofs.directio", "on");
  const warnings: string[] = [];
  selectDriver(store, { pool, wanted: "erofs", onWarning: (message) => warnings.push(message) });
  assertEquals(warnings, []);
  const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
  const driver = fixture.reopen();
  await driver.view("v", parent);
  const [lower] = lowersOf(fixture);
  assert(lower?.superOptions.some((option) => option === "directio"), String(lower?.superOptions));
  assertEquals(await read(fixture, "v"), "content");
});

const LOOP_DEVICES =
  "images are mounted through loop devices here: to mount them as files needs Linux 6.12 and a store on a disk's file system";

/** Parts that a kernel lacks, the driver that is then used, and the warning. */
const KERNELS: readonly (readonly [without: KernelPart[], driver: string, told: string[]])[] = [
  [[], "erofs", []],
  [["fsopen"], "erofs", []],
  [["files"], "erofs", [LOOP_DEVICES]],
  [["files", "fsopen"], "erofs", [LOOP_DEVICES]],
  [["erofs"], "overlay", [
    "driver overlay is used, because erofs does not work here: it is switched off",
  ]],
  [["erofs", "overlay"], "native", [
    "driver native is used, because erofs does not work here: it is switched off",
  ]],
];

test(
  "a kernel that lacks a part shows the same tree, and the user is warned",
  {},
  async (fixture) => {
    const { store, pool, snapshotter } = fixture;
    const { chainId, diffIds } = await fixture.chain(LAYERS);
    const parent = snapshotter.ensureChain(chainId);
    const ancestors = diffIds.toReversed().map((diffId) => ({ kind: "layer", diffId }) as const);
    let expected: [string, string][];
    {
      await using composed = await fixture.mount(await snapshotter.view("v", parent));
      expected = [...listing(composed.path)];
    }
    await snapshotter.remove("v");
    for (const [without, name, told] of KERNELS) {
      const warnings: string[] = [];
      const onWarning = (message: string) => warnings.push(message);
      const driver = selectDriver(store, { pool, without, onWarning });
      const mounts = await driver.mounts({ kind: "view", cacheId: null, ancestors });
      {
        await using mounted = await fixture.mount(mounts);
        assertEquals([...listing(mounted.path)], expected);
      }
      const byLoop = lowersOf(fixture).map(({ source }) => source.startsWith("/dev/loop"));
      assertEquals(byLoop, name === "erofs" ? [without.includes("files")] : []);
      assertEquals([driver.name, warnings.map((line) => line.split(": files")[0])], [name, told]);
      trimShared(store);
    }
  },
);

test("a chain that no image can hold becomes directories, and the user is warned", {
  inMemory: true,
}, async (fixture) => {
  const { store, pool } = fixture;
  // One byte longer than an xattr can be in EROFS. Linux itself takes it.
  const value = "v".repeat(65_536);
  const { diffIds } = await fixture.chain([[{ name: "a", xattrs: { "user.large": value } }]]);
  const ancestors = diffIds.map((diffId) => ({ kind: "layer", diffId }) as const);
  const request = { kind: "view", cacheId: null, ancestors } as const;
  const warnings: string[] = [];
  const driver = selectDriver(store, { pool, onWarning: (message) => warnings.push(message) });
  assertEquals(driver.name, "erofs");
  await using mounted = await fixture.mount(await driver.mounts(request));
  assertEquals(getXattrAt(CWD, fromText(`${mounted.path}/a`), fromText("user.large")), value);
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0] as string, "the limits are 255 and 65535");
  assertStringIncludes(warnings[0] as string, "its layers are extracted");
  const only = selectDriver(store, { pool, wanted: "erofs" });
  assertEquals(await codeOf(() => only.mounts(request)), "E_LIMIT");
});

test("processes that make and remove snapshots of one chain see its files", {}, async (fixture) => {
  const { snapshotter, store } = fixture;
  const parent = snapshotter.ensureChain((await fixture.chain(LAYERS)).chainId);
  const racers = await Promise.all(
    ["x", "y", "z"].map((name) =>
      startRacer("shared_mount_racer.ts", [store.root as string, parent, name, "25"])
    ),
  );
  const wrong = await Promise.all(racers.map((one) => one.go()));
  assertEquals(wrong.flat(), []);
  assertEquals([namesIn(`${store.root}/mounts`), lowersOf(fixture)], [[], []]);
  assertEquals(findMount(readMountInfo(), fromText(fixture.temp.join("x"))), undefined);
});

/** Loop devices over files below a directory. */
function loopsBelow(path: string): string[] {
  return namesIn("/sys/block").filter((name) => name.startsWith("loop")).filter((name) => {
    try {
      const file = Deno.readTextFileSync(`/sys/block/${name}/loop/backing_file`);
      return file.startsWith(path) || file.startsWith("/store");
    } catch {
      return false;
    }
  });
}
