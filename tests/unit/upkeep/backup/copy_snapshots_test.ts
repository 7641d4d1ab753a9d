/** A backup copies the files of a container while it is paused, also beside another process that pauses it. */
import { assertEquals } from "@std/assert";
import { makeMarker } from "../../../../lib/container/pause_marker.ts";
import { createRun, writeState } from "../../../../lib/container/run_directory.ts";
import { lockSnapshotDirectory } from "../../../../lib/snapshot/internal.ts";
import { copySnapshot } from "../../../../lib/upkeep/backup/copy_snapshots.ts";
import { needs } from "../../../support/machine/needs.ts";
import { waitUntil } from "../../../support/machine/wait.ts";
import { snapshotFixture } from "../../../support/snapshots/snapshot_fixture.ts";

Deno.test({
  name: "backup: a container that another process has paused is paused again, after that has ended",
  ...needs({ root: true }),
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { store, pool, snapshotter, temp } = fixture;
    await snapshotter.prepare("box", null);
    const row = snapshotter.stat("box"), { cacheId } = row;
    if (cacheId === null) throw new Error("an active snapshot has a directory");
    const program = temp.join("runtime"), calls = temp.join("calls"), target = temp.join("to");
    await Deno.writeTextFile(program, `#!/bin/sh\necho "$3" >>${calls}\n`, { mode: 0o755 });
    const runtime = { name: "runc", program, hideUnified: false } as const;
    using run = await createRun(store, { cacheId, key: "box", runtime });
    await writeState(run);
    // As a commit leaves it while it reads.
    using marker = makeMarker(run);
    if (!marker) throw new Error("nobody has paused it");
    await Deno.mkdir(target);

    const copy = copySnapshot(store, row, cacheId, target, { pool, signal: undefined });
    await waitUntil("the lock of the copy", () => isLocked());
    marker.remove();
    assertEquals(await copy, "consistent");
    assertEquals(await Deno.readTextFile(calls), "pause\nresume\n");

    function isLocked(): boolean {
      try {
        lockSnapshotDirectory(store, "box", cacheId as number)?.[Symbol.dispose]();
        return false;
      } catch {
        return true;
      }
    }
  },
});
