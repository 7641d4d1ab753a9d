import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { lockLowers } from "../../../lib/compose/internal.ts";
import { recordStart } from "../../../lib/container/container_records.ts";
import { RUN_FILES } from "../../../lib/container/container_run.ts";
import { listContainers } from "../../../lib/container/list.ts";
import { pauseContainer } from "../../../lib/container/pause.ts";
import { reapRuns } from "../../../lib/container/reap.ts";
import {
  createRun,
  findRuns,
  refuseRunning,
  writeState,
} from "../../../lib/container/run_directory.ts";
import { VarveError } from "../../../lib/errors.ts";
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
    options: {},
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
  name: "listContainers: labels that users have changed are told as if there were none",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, snapshotter } = fixture;
    for (const [i, text] of ["x", "-1", "1e3", "1.5", "9999999999999999", " "].entries()) {
      (await begin(fixture, `box${i}`))[Symbol.dispose]();
      const labels = { "varve.container.started": text, "varve.container.exit": text };
      await snapshotter.update(
        `box${i}`,
        labels,
        Object.keys(labels).map((key) => `labels.${key}`),
      );
    }
    for (const { created, started, exit } of await listContainers(store)) {
      assertEquals([started, exit], [created, null]);
    }
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

for (const missing of [[], ["bundle"], ["bundle", "rootfs"], ["bundle", "rootfs", "lock"]]) {
  Deno.test({
    name: `reapRuns: a run that was killed before it had ${["a state", ...missing].join(", ")}`,
    ...root,
    async fn() {
      await using fixture = await snapshotFixture("native");
      const { store, snapshotter } = fixture;
      (await begin(fixture, "dead"))[Symbol.dispose]();
      const unfinished = await createRun(store, { cacheId: 7, key: "new", runtime: RUNTIME });
      unfinished[Symbol.dispose]();
      for (const file of missing) await Deno.remove(`${unfinished.directory}/${file}`);

      await reapRuns(store, snapshotter);
      assertEquals([await findRuns(store), store.leases.list()], [[], []]);
    },
  });
}

Deno.test({
  name: "reapRuns: a directory that is just being made is not left over",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, snapshotter } = fixture;
    const { mounts } = store.directories;
    await Deno.mkdir(`${mounts}/run-7-0123456789abcdef`);
    {
      using _ = await lockLowers(mounts);
      await reapRuns(store, snapshotter);
      assertEquals((await findRuns(store)).map(({ live, run }) => [live, run]), [[true, null]]);
    }
    await reapRuns(store, snapshotter);
    assertEquals(await findRuns(store), []);
  },
});

Deno.test({
  name:
    "a run whose state is empty or of another version is damaged while it lives, and does not stop the others",
  ...root,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, snapshotter } = fixture;
    const states = ["", "{}", '{"version":2,"id":"x"}', "null", "[1"];
    const live = [];
    for (const [i, text] of states.entries()) {
      const dead = await begin(fixture, `dead${i}`);
      dead[Symbol.dispose]();
      live.push(await begin(fixture, `live${i}`));
      for (const { directory } of [dead, live[i] as typeof dead]) {
        await Deno.writeTextFile(`${directory}/${RUN_FILES.state}`, text);
      }
    }
    const [first] = live as [Awaited<ReturnType<typeof begin>>];
    await Deno.writeTextFile(`${first.directory}/${RUN_FILES.first}`, "42 1000\n");
    using well = await begin(fixture, "well");
    const expected = [
      ...states.map((_, i) => [`dead${i}`, "exited", null]),
      ...states.map((_, i) => [`live${i}`, "damaged", i === 0 ? 42 : null]),
      ["well", "running", null],
    ];
    const statuses = async () =>
      (await listContainers(store)).map(({ key, status, pid }) => [key, status, pid]);
    assertEquals(await statuses(), expected);

    await reapRuns(store, snapshotter);
    assertEquals(await statuses(), expected);
    const runs = (await findRuns(store)).map(({ directory }) => directory).sort();
    assertEquals(runs, [...live, well].map(({ directory }) => directory).sort());
    assertEquals(
      store.leases.list().map(({ id }) => id).sort(),
      [...states.map((_, i) => `run:live${i}`), "run:well"],
    );

    // What is damaged counts as running, and cannot be paused.
    assertEquals(
      (await assertRejects(() => refuseRunning(store, "live0"), VarveError)).code,
      "E_BUSY",
    );
    const refused = await assertRejects(() => pauseContainer(store, "live0"), VarveError);
    assertEquals(refused.code, "E_DAMAGE");
    assertStringIncludes(refused.message, first.directory);
    await refuseRunning(store, "dead0");
    assertEquals(await pauseContainer(store, "dead0"), null);
    for (const run of live) run[Symbol.dispose]();
    await reapRuns(store, snapshotter);
    assertEquals((await findRuns(store)).map(({ run }) => run?.key), ["well"]);
  },
});
