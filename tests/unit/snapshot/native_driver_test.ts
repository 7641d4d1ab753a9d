import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Pool } from "../../../lib/pool/mod.ts";
import { createSnapshotter, selectDriver } from "../../../lib/snapshot/mod.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { needs } from "../../support/machine/needs.ts";
import { snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";

/** A pool that aborts when it runs a job of a name. `done` gets the jobs that ended well. */
function abortingPool(inner: Pool, name: string, abort: AbortController, done: string[]): Pool {
  return {
    size: inner.size,
    inline: inner.inline,
    running: 0,
    waiting: 0,
    prepare: () => {},
    async run(job, input, options) {
      if (job.name === name) abort.abort("enough");
      const output = await inner.run(job, input, options);
      done.push(job.name);
      return output;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

leakTest("native: the copy of a parent ends with the signal", needs({ root: true }), async () => {
  await using fixture = await snapshotFixture("native");
  const { store, snapshotter } = fixture;
  await snapshotter.prepare("a", null);
  const cacheId = snapshotter.stat("a").cacheId;
  assert(cacheId !== null);
  await Deno.writeTextFile(`${store.directories.snapshot(cacheId)}/fs/file`, "text");
  await snapshotter.commit("base", "a");
  const abort = new AbortController();
  const done: string[] = [];
  const pool = abortingPool(fixture.pool, "copy", abort, done);
  const driver = selectDriver(store, { pool, wanted: "native" });
  const again = createSnapshotter(store, { driver });
  const { signal } = abort;
  const reason = await again.prepare("b", "base", { signal }).catch((error) => error);
  assertStrictEquals(reason, "enough");
  assertEquals(done, []);
  assertEquals(again.walk().map(({ key }) => key), ["base"]);
});
