/** Runs in a store that was copied while its containers ran: they are containers of the other store. */
import { assertEquals } from "@std/assert";
import { RUN_FILES } from "../../../lib/container/container_run.ts";
import { hasEnded } from "../../../lib/container/first_process.ts";
import { reapRuns } from "../../../lib/container/reap.ts";
import { createRun, findRuns, writeState } from "../../../lib/container/run_directory.ts";
import { LOCK_LABEL } from "../../../lib/snapshot/internal.ts";
import { leaseStates } from "../../../lib/upkeep/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../../support/trees/names_in.ts";

const RUNTIME = { name: "chroot", program: "/bin/sh", hideUnified: false } as const;

/** Pid and start time of a process, as a run notes them. */
function startOf(pid: number): string {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}\n`;
}

Deno.test({
  name: "reapRuns: in a copy of a store, the containers of the other store stay alive",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using original = await snapshotFixture("native");
    await using copy = await snapshotFixture("native");
    const { mounts } = original.store.directories;
    const process = new Deno.Command("sleep", { args: ["1000"], detached: true }).spawn();
    try {
      {
        using started = await createRun(original.store, { cacheId: 7, key: "a", runtime: RUNTIME });
        await writeState(started);
        const lock = `${started.directory}/${RUN_FILES.lock}`;
        const lease = { id: "run:a", createdAt: 1, expiresAt: null, resources: ["snapshot:a"] };
        for (const { store } of [original, copy]) {
          store.leases.create({ ...lease, labels: { [LOCK_LABEL]: lock } });
        }
        await Deno.writeTextFile(`${started.directory}/${RUN_FILES.runner}`, startOf(process.pid));
        // A copy has the files of the container, too, because its root is mounted there.
        await run(["cp", "-a", started.directory, copy.store.directories.mounts]);
        const [copied] = await findRuns(copy.store);
        await Deno.writeTextFile(`${copied?.directory}/${RUN_FILES.rootfs}/file`, "x");

        assertEquals([copied?.live, copied?.copied], [false, true]);
        assertEquals([original, copy].map(({ store }) => leaseStates(store)[0]?.live), [
          true,
          false,
        ]);
        await reapRuns(copy.store, copy.snapshotter);
        assertEquals(namesIn(copy.store.directories.mounts), []);
        assertEquals(hasEnded(process.pid), false);
        assertEquals((await findRuns(original.store)).map((found) => found.copied), [false]);
      }
      await reapRuns(original.store, original.snapshotter);
      assertEquals([(await process.status).signal, namesIn(mounts)], ["SIGKILL", []]);
    } finally {
      if (!hasEnded(process.pid)) process.kill("SIGKILL");
      await process.status;
    }
  },
});
