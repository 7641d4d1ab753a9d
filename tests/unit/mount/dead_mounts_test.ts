/** What mounts leave that were ended by a reboot or a kill, and when it is removed. */
import { assertEquals, assertRejects } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { lockLowers } from "../../../lib/compose/internal.ts";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { performMount, performUnmount } from "../../../lib/linux/mod.ts";
import { endDeadMounts } from "../../../lib/mount/dead_mounts.ts";
import { mountImage, unmountAll, unmountImage } from "../../../lib/mount/mod.ts";
import { openMountTarget } from "../../../lib/mount/mount_target.ts";
import { holdLowers, NAMESPACE_LABEL, withVarveSource } from "../../../lib/snapshot/internal.ts";
import type { Snapshotter } from "../../../lib/snapshot/mod.ts";
import { collectGarbage } from "../../../lib/upkeep/mod.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { needs } from "../../support/machine/needs.ts";
import {
  bringImage,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { settled } from "../../support/snapshots/settled.ts";

const OTHER_BOOT = "00000000-0000-4000-8000-000000000000 mnt:[1]";

interface Case extends Omit<SnapshotFixture, "mount"> {
  /** Makes a directory and mounts there. */
  mount(name: string, key?: string): Promise<string>;
  /** Leases and snapshots that are not layers, with the names of directories. */
  records(): string[];
  /** Ends a mount as a reboot or a kill does it. */
  end(target: string): void;
  /** Says that a mount was made elsewhere. */
  relabel(target: string, namespace: string): void;
}

function test(name: string, fn: (one: Case) => Promise<void>): void {
  Deno.test({
    name,
    ...needs({ root: true, mount: true, kernel: "6.12" }),
    async fn() {
      await using fixture = await snapshotFixture("erofs");
      const { store, pool, snapshotter, temp } = fixture;
      const image = await bringImage(store, pool, "example.org/a:1", [[{ name: "a" }]]);
      await fn({
        ...fixture,
        async mount(name, key) {
          const target = temp.join(name);
          Deno.mkdirSync(target, { recursive: true });
          await mountImage(store, image, target, { snapshotter, key });
          return target;
        },
        records: () =>
          [
            ...store.leases.list().map(({ id }) => `lease ${id}`),
            ...snapshotter.walk().filter(({ diffId }) => diffId === null)
              .map(({ kind, key }) => `${kind} ${key}`),
          ].map((text) => text.replace(`${temp.path}/`, "")),
        end: (target) => performUnmount(fromText(target)),
        relabel(target, namespace) {
          const lease = store.leases.get(`mount:${target}`);
          if (lease === undefined) throw new Error("no lease");
          store.leases.remove(lease.id);
          store.leases.create({
            ...lease,
            labels: { ...lease.labels, [NAMESPACE_LABEL]: namespace },
          });
        },
      });
      await unmountAll(store, { snapshotter });
    },
  });
}

const NEXT: readonly [string, (one: Case) => Promise<unknown>, readonly string[]][] = [
  ["a mount", (one) => one.mount("new"), ["lease mount:new", "view mount:new"]],
  ["gc", ({ store }) => collectGarbage(store), []],
];

for (const [what, next, more] of NEXT) {
  test(`after a reboot, ${what} ends leases and views of mounts, and keeps a user's snapshot`, async (one) => {
    const readOnly = await one.mount("read-only");
    const gone = await one.mount("gone");
    const writable = await one.mount("writable", "work");
    for (const target of [readOnly, gone, writable]) {
      one.end(target);
      one.relabel(target, OTHER_BOOT);
    }
    await Deno.remove(gone);
    for (const path of await mountsBelow(one.store.root)) performUnmount(fromText(path));
    await next(one);
    assertEquals(one.records().sort(), ["active work", ...more].sort());
  });
}

test("a mount ends what a killed unmount left, but not what may still be mounted", async (one) => {
  const killed = await one.mount("killed");
  const renamed = await one.mount("parent/renamed");
  const elsewhere = await one.mount("elsewhere");
  const busy = await one.mount("busy");
  await one.mount("live");
  for (const target of [killed, elsewhere, busy]) one.end(target);
  one.relabel(elsewhere, `${await bootId()} mnt:[1]`);
  await Deno.rename(one.temp.join("parent"), one.temp.join("moved"));
  using mounting = openMountTarget(busy);
  mounting.lock();
  await one.mount("new");
  const kept = ["busy", "elsewhere", "live", "new", "parent/renamed"];
  assertEquals(one.records().filter((text) => text.startsWith("lease")), [
    ...kept.map((name) => `lease mount:${name}`),
  ]);
  assertEquals(one.records().filter((text) => text.startsWith("view")), [
    ...kept.map((name) => `view mount:${name}`),
  ]);
  one.end(renamed.replace("/parent/", "/moved/"));
});

/** A fixture whose lease has no mount yet, and the function that makes the mount, as another process does. */
async function halfMounted(one: Case): Promise<{ target: string; finish: () => void }> {
  const { store, snapshotter, temp } = one;
  const target = temp.join("half");
  await Deno.mkdir(target);
  const { mounts } = await mountImage(store, "example.org/a:1", target, { snapshotter });
  one.end(target);
  return {
    target,
    finish: () => mounts.forEach((mount) => performMount(withVarveSource(mount), fromText(target))),
  };
}

test("a mount that another process finishes while dead mounts are ended keeps its lease", async (one) => {
  const { target, finish } = await halfMounted(one);
  await endDeadMounts(one.store, () => {
    finish();
    return one.snapshotter;
  });
  assertEquals(one.records(), ["lease mount:half", "view mount:half"]);
  await unmountImage(one.store, target, { snapshotter: one.snapshotter });
  assertEquals(one.records(), []);
});

test("umount of what another process is mounting says so, and keeps its lease", async (one) => {
  const { target, finish } = await halfMounted(one);
  const options = {
    get snapshotter() {
      finish();
      return one.snapshotter;
    },
  };
  await assertRejects(() => unmountImage(one.store, target, options), VarveError, "uses it now");
  assertEquals(one.records(), ["lease mount:half", "view mount:half"]);
});

async function bootId(): Promise<string> {
  return (await Deno.readTextFile("/proc/sys/kernel/random/boot_id")).trim();
}

test("gc removes the view of a mount that was killed before its lease, when nobody makes one", async (one) => {
  const { store, snapshotter, temp } = one;
  const parent = store.chains.list()[0]?.chainId;
  if (parent === undefined) throw new Error("no chain");
  {
    using _ = await holdLowers(store);
    await snapshotter.view(`mount:${temp.join("mnt")}`, snapshotter.ensureChain(parent));
    await collectGarbage(store);
    assertEquals(one.records(), ["view mount:mnt"]);
  }
  await collectGarbage(store);
  assertEquals([one.records(), await mountsBelow(store.root)], [[], []]);
});

/** A snapshotter that is killed when it has released or removed a snapshot, before it trims: the lowers stay. */
function killedBeforeTrim({ store, snapshotter }: Case): Snapshotter {
  const { mounts } = store.directories;
  return new Proxy(snapshotter, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      if (name !== "release" && name !== "remove") return member.bind(target);
      return async (...args: unknown[]) => {
        // While a snapshot is being made, a trim is only requested.
        using _ = await lockLowers(mounts);
        await member.apply(target, args);
        throw new Error("killed");
      };
    },
  });
}

test("the next mount and unmount trim the lower that a killed unmount left", async (one) => {
  const { store, pool, snapshotter, temp } = one;
  const other = await bringImage(store, pool, "example.org/b:1", [[{ name: "b" }]]);
  const target = await one.mount("first");
  const killed = killedBeforeTrim(one);
  await assertRejects(() => unmountImage(store, target, { snapshotter: killed }), Error, "killed");
  assertEquals((await mountsBelow(store.root)).length, 1);
  // A kill also leaves the request, which the process had begun to carry out.
  await Deno.writeTextFile(`${store.directories.mounts}/trim-begun`, "");

  await Deno.mkdir(temp.join("second"));
  await mountImage(store, other, temp.join("second"), { snapshotter });
  assertEquals((await mountsBelow(store.root)).length, 1);
});

test("gc trims a lower that nobody asked to trim", async ({ store, mount, records }) => {
  const target = await mount("mnt");
  performUnmount(fromText(target));
  store.leases.remove(`mount:${target}`);
  store.snapshots.transact((table) => table.delete(`mount:${target}`));
  assertEquals([records(), (await mountsBelow(store.root)).length], [[], 1]);
  await collectGarbage(store);
  assertEquals(await mountsBelow(store.root), []);
});

test("umount of a read-write mount that is killed when it releases can be given again", async (one) => {
  const { store } = one;
  const target = await one.mount("mnt", "work");
  const killed = killedBeforeTrim(one);
  await assertRejects(() => unmountImage(store, target, { snapshotter: killed }), Error, "killed");
  await unmountImage(store, target, { snapshotter: one.snapshotter });
  await settled(store);
  assertEquals([one.records(), await mountsBelow(store.root)], [["active work"], []]);
});

test("the lower of a mount that was killed before it had a row is unmounted by the next mount", async (one) => {
  const { store, driver, snapshotter, pool, temp } = one;
  const other = await bringImage(store, pool, "example.org/other:1", [[{ name: "other" }]]);
  const [layer] = other.layers;
  const ancestors = [{ kind: "layer", diffId: layer?.diffId as DiffId } as const];
  await driver.create({ kind: "view", cacheId: null, ancestors });
  const [left] = await mountsBelow(store.directories.mounts);
  const target = await one.mount("m");
  const lowers = await mountsBelow(store.directories.mounts);
  assertEquals([lowers.length, lowers.includes(left as string)], [1, false]);
  await unmountImage(store, target, { snapshotter });
  assertEquals([await mountsBelow(temp.path), store.leases.list()], [[], []]);
});

test("the request of a trim that was killed at its end goes with the next unmount, and with gc", async (one) => {
  const { store, snapshotter } = one;
  const target = await one.mount("at");
  await unmountImage(store, target, { snapshotter });
  const begun = `${store.directories.mounts}/trim-begun`;
  const clean = [
    () => assertRejects(() => unmountImage(store, target, { snapshotter })),
    () => collectGarbage(store),
  ];
  for (const act of clean) {
    await Deno.writeTextFile(begun, "");
    await act();
    await assertRejects(() => Deno.lstat(begun), Deno.errors.NotFound);
  }
});
