/** What is composed in idle time, after containerd has unpacked an image. */
import { assertEquals } from "@std/assert";
import { IdleCompose } from "../../../../lib/containerd/snapshots/idle_compose.ts";
import { needs } from "../../../support/machine/needs.ts";
import { waitUntil } from "../../../support/machine/wait.ts";
import { snapshotFixture } from "../../../support/snapshots/snapshot_fixture.ts";

const LAYERS = 40;

Deno.test({
  name: "of an image of 40 layers one chain is composed, once, and none while it is unpacked",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using fixture = await snapshotFixture("erofs", { scope: "containerd" });
    const { snapshotter, jobs } = fixture;
    await using idle = new IdleCompose(snapshotter);
    const composed = () => jobs.filter((name) => name === "compose").length;
    const layers = Array.from({ length: LAYERS }, (_, i) => [{ name: `file-${i}` }]);
    const { diffIds } = await fixture.chain(layers);
    await snapshotter.prepare("x0", null, { extract: true });
    for (const [i, diffId] of diffIds.entries()) {
      await snapshotter.applied(`x${i}`, diffId);
      await snapshotter.commit(`c${i}`, `x${i}`);
      // Above the last layer comes nothing.
      if (i < LAYERS - 1) await snapshotter.prepare(`x${i + 1}`, `c${i}`, { extract: true });
      idle.committed(`c${i}`);
    }
    assertEquals(composed(), 0);
    await waitUntil("the image of the chain", () => Promise.resolve(composed() > 0));
    // The first container has nothing to compose. The lower layers have no image of their own.
    await snapshotter.prepare("container", `c${LAYERS - 1}`);
    assertEquals(composed(), 1);
    assertEquals((await Array.fromAsync(Deno.readDir(`${fixture.store.root}/chains`))).length, 1);
  },
});
