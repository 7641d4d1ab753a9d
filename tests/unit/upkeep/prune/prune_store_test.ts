import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { CONTAINER_LABELS } from "../../../../lib/container/internal.ts";
import { pruneStore } from "../../../../lib/upkeep/mod.ts";
import { leakTest } from "../../../support/machine/leaks.ts";
import { needs } from "../../../support/machine/needs.ts";
import { snapshotFixture } from "../../../support/snapshots/snapshot_fixture.ts";

leakTest(
  "a prune of containers ends with the signal, and tries no driver",
  needs({ root: true }),
  async () => {
    await using fixture = await snapshotFixture("native");
    const { store, snapshotter } = fixture;
    const labels = { [CONTAINER_LABELS.image]: "app:1" };
    for (const key of ["a", "b", "c"]) await snapshotter.prepare(key, null, { labels });
    const cacheId = snapshotter.stat("a").cacheId;
    assert(cacheId !== null);
    const files = `${store.directories.snapshot(cacheId)}/fs`;
    await Deno.writeFile(`${files}/one`, new Uint8Array(1 << 20));
    await Deno.link(`${files}/one`, `${files}/two`);
    const mounts = await Deno.stat(store.directories.mounts);
    const abort = new AbortController();
    const { directories } = store;
    const { removeSnapshot } = directories;
    directories.removeSnapshot = async (...args) => {
      const removed = await removeSnapshot.apply(directories, args);
      abort.abort("enough");
      return removed as never;
    };
    const options = { containers: true, signal: abort.signal } as const;
    const planned = await pruneStore(store, { ...options, dryRun: true });
    assertEquals(planned.containers.map(({ key }) => key), ["a", "b", "c"]);
    const [bytes = 0] = planned.containers.map((one) => one.bytes);
    assert(bytes > 1 << 20 && bytes < (1 << 20) + (1 << 16), `${bytes} bytes`);
    const reason = await pruneStore(store, options).catch((error) => error);
    assertStrictEquals(reason, "enough");
    assertEquals(snapshotter.walk().map(({ key }) => key), ["b", "c"]);
    directories.removeSnapshot = removeSnapshot;
    const { containers } = await pruneStore(store, { containers: true });
    assertEquals(containers.map(({ key }) => key), ["b", "c"]);
    // The directory of a trial would be made in it.
    assertEquals((await Deno.stat(store.directories.mounts)).mtime, mounts.mtime);
  },
);
