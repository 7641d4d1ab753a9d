import { assertEquals, assertRejects } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import {
  lockLowers,
  trimIfRequested,
  trimOrRequest,
} from "../../../lib/compose/lower_trim_lock.ts";
import { CWD, openDirectoryAt, type OwnedFd, ownFd } from "../../../lib/linux/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../support/machine/temp_dir.ts";
import { snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../../support/trees/names_in.ts";

/** Takes the lock as a trim does. */
function lockAsTrim(mounts: string): OwnedFd {
  const directory = ownFd(openDirectoryAt(CWD, fromText(mounts)));
  assertEquals(directory.lock("exclusive"), true);
  return directory;
}

/** A `mounts/` in which a lower seems to be mounted. */
async function mountsWithLower(): Promise<TempDir> {
  const temp = await tempDir();
  await Deno.mkdir(temp.join("erofs-1"));
  return temp;
}

Deno.test("a maker of snapshots waits for a trim, and the thread goes on meanwhile", async () => {
  await using temp = await mountsWithLower();
  const trim = lockAsTrim(temp.path);
  const order: string[] = [];
  const locked = lockLowers(temp.path).then((lock) => {
    order.push("locked");
    return lock;
  });
  // Would never come if the wait blocked the thread.
  await new Promise((resolve) => setTimeout(resolve));
  order.push("trimmed");
  trim[Symbol.dispose]();
  using _ = await locked;
  assertEquals(order, ["trimmed", "locked"]);
});

Deno.test("the wait for a trim ends with the signal's reason, and leaves no lock", async () => {
  await using temp = await mountsWithLower();
  {
    using _ = lockAsTrim(temp.path);
    const controller = new AbortController();
    const locked = lockLowers(temp.path, controller.signal);
    const reason = new Error("enough");
    controller.abort(reason);
    assertEquals(await assertRejects(() => locked), reason);
    const aborted = lockLowers(temp.path, controller.signal);
    assertEquals(await assertRejects(() => aborted), reason);
  }
  using _ = lockAsTrim(temp.path);
});

Deno.test("a trim never runs while a snapshot is made: the last maker carries it out", async () => {
  await using temp = await mountsWithLower();
  let trims = 0;
  const trim = () => void trims++;
  {
    using _one = await lockLowers(temp.path);
    using _two = await lockLowers(temp.path);
    trimOrRequest(temp.path, trim);
    trimIfRequested(temp.path, trim);
    assertEquals([trims, namesIn(temp.path)], [0, ["erofs-1", "trim"]]);
  }
  trimIfRequested(temp.path, trim);
  assertEquals([trims, namesIn(temp.path)], [1, ["erofs-1"]]);
  trimIfRequested(temp.path, trim);
  assertEquals(trims, 1);
  await Deno.remove(temp.join("erofs-1"));
  trimOrRequest(temp.path, trim);
  assertEquals([trims, namesIn(temp.path)], [1, []]);
});

Deno.test({
  name: "a prepare that waits for a trim can be cancelled, and leaves nothing",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using fixture = await snapshotFixture("erofs");
    const { snapshotter, store } = fixture;
    const mounts = `${store.root}/mounts`;
    const controller = new AbortController();
    {
      using _ = lockAsTrim(mounts);
      const prepared = snapshotter.prepare("k", null, { signal: controller.signal });
      const reason = new Error("enough");
      controller.abort(reason);
      assertEquals(await assertRejects(() => prepared), reason);
    }
    assertEquals([snapshotter.walk(), namesIn(`${store.root}/snapshots`)], [[], []]);
    await snapshotter.prepare("k", null);
  },
});
