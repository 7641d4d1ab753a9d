import { assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { readGauges } from "../../../../lib/containerd/serve/read_gauges.ts";
import type { ContentInfo } from "../../../../lib/containerd/contract.ts";
import { applyRequest, callOf, diffFixture } from "../../../support/containerd/diff_fixture.ts";
import { needs } from "../../../support/machine/needs.ts";
import { waitUntil } from "../../../support/machine/wait.ts";
import { tarOf } from "../../../support/tar/tar_fixture.ts";

Deno.test({
  name:
    "the gauges say which jobs run and wait while layers are applied, and count containerd's rows",
  ...needs({ root: true }),
  fn: async () => {
    await using made = await diffFixture({ workers: 2 });
    const { store, pool, snapshotter, content, service } = made;
    // The blobs come as streams, which stop until the test lets them go on.
    content.hasRoot = false;
    const go = Promise.withResolvers<void>();
    content.onRead = () => go.promise;
    const jobs = () => {
      const { jobsRunning, jobsWaiting } = readGauges(store, pool);
      return [jobsRunning, jobsWaiting];
    };
    assertEquals(jobs(), [0, 0]);
    const blobs: ContentInfo[] = [];
    for (const name of ["a", "b", "c"]) {
      blobs.push(await content.add(gzipSync(tarOf([{ name, content: name }]))));
    }
    const apply = async (at: number) => {
      const mounts = await snapshotter.prepare(`default/${at}/a`, null);
      return await service.apply(applyRequest(blobs[at] as ContentInfo, mounts), callOf());
    };
    const two = [apply(0), apply(1)];
    await waitUntil("two jobs", () => content.calls.read === 2, { seen: jobs });
    assertEquals(jobs(), [2, 0]);
    const third = apply(2);
    await waitUntil("a job that waits", () => jobs()[1] === 1, { seen: jobs });
    assertEquals(jobs(), [2, 1]);
    go.resolve();
    await Promise.all([...two, third]);
    await snapshotter.commit("default/9/c", "default/0/a");
    await snapshotter.view("default/10/v", "default/9/c");
    store.snapshots.transact((table) => {
      table.put({
        key: "own",
        kind: "active",
        ...{ parent: null, cacheId: null, diffId: null, labels: {}, usage: null },
        ...{ createdAt: 1, updatedAt: 1 },
      });
    });
    const { rows, lowers } = readGauges(store, pool);
    assertEquals(rows, { active: 2, view: 1, committed: 1 });
    assertEquals(lowers, 1);
    await snapshotter.remove("default/10/v");
    store.snapshots.transact((table) => table.delete("own"));
  },
});
