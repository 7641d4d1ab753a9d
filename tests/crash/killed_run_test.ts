/** What a run leaves that is killed before its container has a lease. */
import { assertEquals } from "@std/assert";
import { recordEnd, recordStart, startLabels } from "../../lib/container/container_records.ts";
import { listContainers } from "../../lib/container/list.ts";
import { reapRuns } from "../../lib/container/reap.ts";
import { holdLowers, lockWritable, openWritable } from "../../lib/snapshot/internal.ts";
import { lockSnapshotDirectory } from "../../lib/snapshot/snapshot_lock.ts";
import type { Lease } from "../../lib/store/mod.ts";
import { needs } from "../support/machine/needs.ts";
import {
  bringImage,
  type SnapshotFixture,
  snapshotFixture,
} from "../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../support/trees/names_in.ts";

const root = needs({ root: true, mount: true });
const IMAGE = "example.org/a:1";
const SCRIPT = new URL("./run_child.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Runs a container; the process is killed when it has made the snapshot. */
async function killedRun(path: string, remove: boolean): Promise<void> {
  const args = ["run", "-A", "--no-check", "--no-lock", "--config", CONFIG, SCRIPT, path, IMAGE];
  const { signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args, String(remove)],
  }).output();
  assertEquals([signal, new TextDecoder().decode(stderr)], ["SIGKILL", ""]);
}

for (const remove of [true, false]) {
  Deno.test({
    name: remove
      ? "J01: the snapshot of run --rm that was killed before its lease is shown, and removed by reap"
      : "J01: the snapshot of a run that was killed before its lease is shown by ps",
    ...root,
    async fn() {
      await using fixture = await snapshotFixture("native");
      const { store, pool, snapshotter } = fixture;
      await bringImage(store, pool, IMAGE, [[{ name: "a" }]]);
      await killedRun(store.root, remove);
      const [found, ...more] = await listContainers(store);
      assertEquals([found?.image, found?.status, found?.exit, more], [IMAGE, "exited", null, []]);
      assertEquals(found?.command, ["/bin/true"]);

      await reapRuns(store, snapshotter);
      assertEquals((await listContainers(store)).length, remove ? 0 : 1);
      assertEquals(namesIn(`${store.root}/snapshots`).length, remove ? 0 : 1);
    },
  });
}

Deno.test({
  name: "reapRuns leaves the snapshot of a run with remove alone, until the run is dead",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter } = fixture;
    const image = await bringImage(store, pool, IMAGE, [[{ name: "a" }]]);
    const labels = startLabels({ image, command: ["true"], remove: true, options: {}, now: 7 });
    const left = async () => {
      await reapRuns(store, snapshotter);
      return snapshotter.walk().filter(({ kind }) => kind === "active").map(({ key }) => key);
    };
    const making = await holdLowers(store);
    const snapshot = await openWritable({ store, snapshotter, image, key: "box", labels });
    assertEquals(await left(), ["box"], "the snapshot is not locked yet");
    const lock = await lockWritable({ store, snapshotter }, snapshot);
    making[Symbol.dispose]();
    assertEquals(await left(), ["box"], "the snapshot is locked");
    lock[Symbol.dispose]();
    assertEquals(await left(), []);
  },
});

/** A run with `remove` that is dead, but has its lease still. */
async function deadRun(fixture: SnapshotFixture): Promise<void> {
  const { store, pool, snapshotter, temp } = fixture;
  const image = await bringImage(store, pool, IMAGE, [[{ name: "a" }]]);
  const start = { image, command: ["true"], remove: true, options: {}, now: 7 };
  await openWritable({ store, snapshotter, image, key: "box", labels: startLabels(start) });
  await recordStart(store, snapshotter, { ...start, key: "box", lock: temp.join("lock") });
}

Deno.test({
  name: "reapRuns leaves all of a run to the process that is at work on its snapshot",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    await deadRun(fixture);
    const { store, snapshotter } = fixture;
    const { cacheId } = snapshotter.stat("box");
    const records = () => [
      Object.keys(snapshotter.stat("box").labels).filter((label) => label.endsWith("remove")),
      store.leases.list().map(({ id }) => id),
    ];
    const before = records();
    {
      using _ = lockSnapshotDirectory(store, "box", cacheId as number);
      await reapRuns(store, snapshotter);
      assertEquals(records(), before);
    }
    await reapRuns(store, snapshotter);
    assertEquals([snapshotter.walk(["kind==active"]), store.leases.list()], [[], []]);
  },
});

Deno.test({
  name: "a new run with the key of a dead one is not touched by who found the dead one",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    await deadRun(fixture);
    const { store, snapshotter } = fixture;
    const [lease] = store.leases.list();
    const { cacheId } = snapshotter.stat("box");
    await snapshotter.remove("box");
    await deadRun(fixture);
    const records = () => [snapshotter.stat("box").cacheId, store.leases.list()];
    const before = records();
    await recordEnd(store, snapshotter, { key: "box", exit: null, found: { cacheId } });
    assertEquals(records(), before);
    const found = { lease: { ...lease as Lease, createdAt: 6 } };
    await recordEnd(store, snapshotter, { key: "box", exit: null, found });
    assertEquals(records(), before);
  },
});
