/** What a run leaves that is killed before its container has a lease. */
import { assertEquals } from "@std/assert";
import { startLabels } from "../../lib/container/container_records.ts";
import { listContainers } from "../../lib/container/list.ts";
import { reapRuns } from "../../lib/container/reap.ts";
import { holdLowers, lockWritable, openWritable } from "../../lib/snapshot/internal.ts";
import { needs } from "../support/machine/needs.ts";
import { bringImage, snapshotFixture } from "../support/snapshots/snapshot_fixture.ts";
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
    const labels = startLabels({ image, command: ["true"], remove: true, now: 7 });
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
