import { assertEquals } from "@std/assert";
import { recordStart } from "../../../lib/container/container_records.ts";
import { RUN_FILES } from "../../../lib/container/container_run.ts";
import { listContainers } from "../../../lib/container/list.ts";
import { reapRuns } from "../../../lib/container/reap.ts";
import { createRun, findRuns, writeState } from "../../../lib/container/run_directory.ts";
import { type DiskStore, openStore } from "../../../lib/store/mod.ts";
import { stateOf } from "../../support/cli/store_state.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import {
  bringImage,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../../support/trees/names_in.ts";

const root = needs({ root: true, mount: true });
const RUNTIME = { name: "chroot", program: "/bin/sh", hideUnified: false } as const;

/** Records a container as `run` does; it is live until the run is disposed. */
async function begin({ store, pool, snapshotter }: SnapshotFixture, key: string, remove = false) {
  const image = await bringImage(store, pool, `example.org/${key}:1`, []);
  await snapshotter.prepare(key, null);
  const { cacheId } = snapshotter.stat(key);
  if (cacheId === null) throw new Error("an active snapshot has a directory");
  const started = await createRun(store, { cacheId, key, runtime: RUNTIME });
  await writeState(started);
  await recordStart(store, snapshotter, {
    key,
    image,
    command: ["true", "x"],
    remove,
    lock: "/none",
    now: 7,
  });
  return started;
}

/** Rows, leases and files of a store. */
async function everything(store: DiskStore): Promise<unknown> {
  return {
    state: await stateOf(store.root),
    rows: store.snapshots.read((table) => table.list()),
    leases: store.leases.list(),
    mounts: await mountsBelow(store.root),
    runs: namesIn(store.directories.mounts).map((name) => [
      name,
      Deno.lstatSync(`${store.directories.mounts}/${name}`).mtime?.getTime(),
    ]),
  };
}

const shown = async (store: DiskStore) =>
  (await listContainers(store)).map(({ key, status, exit, pid, started, command }) => [
    ...[key, status, exit, pid, started, command.join(" ")],
  ]);

Deno.test({
  name: "listContainers only reads: what a dead run left stays until reapRuns repairs it",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, snapshotter } = fixture;
    (await begin(fixture, "dead"))[Symbol.dispose]();
    (await begin(fixture, "removed", true))[Symbol.dispose]();
    using live = await begin(fixture, "live");
    await Deno.writeTextFile(`${live.directory}/${RUN_FILES.first}`, "42 1000\n");
    await Deno.writeTextFile(`${live.directory}/${RUN_FILES.paused}`, "");
    const before = await everything(store);
    const expected = [
      ["dead", "exited", null, null, 7, "true x"],
      ["live", "paused", null, 42, 7, "true x"],
      ["removed", "exited", null, null, 7, "true x"],
    ];
    assertEquals(await shown(store), expected);
    assertEquals(await everything(store), before);

    await reapRuns(store, snapshotter);
    assertEquals(await shown(store), expected.slice(0, 2));
    assertEquals((await findRuns(store)).map(({ run }) => run?.key), ["live"]);
    assertEquals(store.leases.list().map(({ id }) => id), ["run:live"]);
  },
});

Deno.test({
  name: "listContainers reads a store that takes no writes",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, temp } = fixture;
    (await begin(fixture, "dead"))[Symbol.dispose]();
    using live = await begin(fixture, "live");
    const same = temp.join("same");
    await Deno.mkdir(same);
    await run(["mount", "--bind", store.root, same]);
    await run(["mount", "-o", "remount,bind,ro", same]);
    await using readOnly = await openStore({ root: same });
    const statuses = (await listContainers(readOnly)).map(({ key, status }) => [key, status]);
    assertEquals(statuses, [["dead", "exited"], [live.key, "running"]]);
  },
});

Deno.test({
  name: "reapRuns: a directory without a state that was changed in the future is left over",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, snapshotter } = fixture;
    (await begin(fixture, "dead"))[Symbol.dispose]();
    const unfinished = await createRun(store, { cacheId: 7, key: "new", runtime: RUNTIME });
    unfinished[Symbol.dispose]();
    const tomorrow = Date.now() / 1000 + 86_400;
    await Deno.utime(unfinished.directory, tomorrow, tomorrow);

    await reapRuns(store, snapshotter);
    assertEquals([await findRuns(store), store.leases.list()], [[], []]);
  },
});
