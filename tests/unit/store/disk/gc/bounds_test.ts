import { assertEquals, assertRejects } from "@std/assert";
import { type DiffId, sha256 } from "../../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../../lib/errors.ts";
import { type GcKnowledge, openStore } from "../../../../../lib/store/mod.ts";
import { FileLock } from "../../../../../lib/store/disk/lock.ts";
import { namesIn } from "../../../../../lib/store/disk/system.ts";
import { waitUntil } from "../../../../support/machine/wait.ts";
import { diffIdsOf, type GcFixture, gcFixture, snapshotRow } from "./gc_fixture.ts";

const IDLE = { lockCaches: () => ({ [Symbol.dispose]() {} }) };

/** Extracts a layer, as a driver does, and says when that was used last, in seconds. */
async function extract({ store }: GcFixture, diffId: DiffId, usedAt: number): Promise<string> {
  const made = await store.directories.ensure(
    { diffId },
    "fs",
    (to) => Deno.writeFile(`${to}/f`, new Uint8Array(8192)),
  );
  await Deno.utime(`${store.directories.layer(diffId)}/marker`, usedAt, usedAt);
  return made;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

Deno.test("caches beyond cache.size are removed, those first that were not used for the longest time", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load("docker.io/library/app:1", ["a", "b", "c"]);
  const made: string[] = [];
  for (const [i, diffId] of diffIdsOf(app).entries()) {
    made.push(await extract(fixture, diffId, i + 1));
  }
  store.settings.set("cache.size", "30000");
  // Without a lock that keeps snapshots from being made, no cache is removed.
  assertEquals((await store.collector.collect()).removed, []);
  assertEquals((await store.collector.collect({ lockCaches: () => undefined })).removed, []);
  const { removed, bytes } = await store.collector.collect(IDLE);
  assertEquals(removed.map(({ kind, name }) => [kind, name]), [["cache", diffIdsOf(app)[0]!]]);
  assertEquals(bytes >= 8192, true);
  assertEquals(await Promise.all(made.map(isThere)), [false, true, true]);
  // The second is used, so the third is the next.
  await extract(fixture, diffIdsOf(app)[1]!, 10);
  store.settings.set("cache.size", "15000");
  await store.collector.collect(IDLE);
  assertEquals(await Promise.all(made.map(isThere)), [false, true, false]);
  assertEquals((await store.collector.collect(IDLE, { bounds: false })).removed, []);
});

Deno.test("a use of a directory makes it the last to be removed", async () => {
  await using fixture = await gcFixture();
  const app = await fixture.load("docker.io/library/app:1", ["a"]);
  const [diffId] = diffIdsOf(app);
  await extract(fixture, diffId!, 1);
  await fixture.store.directories.ensure({ diffId: diffId! }, "fs", () => Promise.resolve());
  const { mtime } = await Deno.stat(`${fixture.store.directories.layer(diffId!)}/marker`);
  assertEquals(mtime!.getTime() > 1_000_000, true);
});

Deno.test("the caches of a snapshot that nobody has released stay", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load("docker.io/library/app:1", ["a"]);
  const [diffId] = diffIdsOf(app);
  const made = await extract(fixture, diffId!, 1);
  store.settings.set("cache.size", "1");
  store.snapshots.transact((table) => {
    table.put(snapshotRow({ key: app.chainId, kind: "committed", diffId: diffId! }));
    table.put(snapshotRow({ key: "work", parent: app.chainId }));
  });
  await store.collector.collect(IDLE);
  assertEquals(await isThere(made), true);
  const labels = { "varve.released": "1" };
  store.snapshots.transact((table) =>
    table.put(snapshotRow({ key: "work", parent: app.chainId, labels }))
  );
  await store.collector.collect({ ...IDLE, inUse: () => (path) => path === made });
  assertEquals(await isThere(made), true);
  await store.collector.collect(IDLE);
  assertEquals(await isThere(made), false);
});

Deno.test("kept parts beyond cache.parts are removed, the oldest first, by gc and at a start", async () => {
  await using fixture = await gcFixture();
  const { store, root } = fixture;
  const names: string[] = [];
  for (let i = 0; i < 4; i++) {
    const digest = sha256(new Uint8Array([i]));
    names.push(`${digest}.part`);
    const path = `${root}/ingest/${digest}.part`;
    await Deno.writeFile(path, new Uint8Array(40_960));
    const at = Date.now() / 1000 - 1000 + i;
    await Deno.utime(path, at, at);
  }
  const parts = async () =>
    (await namesIn(`${root}/ingest`)).filter((name) => name.endsWith(".part")).sort();
  store.settings.set("cache.parts", "130000");
  const { removed, bytes } = await store.collector.collect();
  assertEquals(removed.map(({ kind }) => kind), ["part"]);
  assertEquals(bytes, 40_960);
  assertEquals(await parts(), names.slice(1).sort());
  store.settings.set("cache.parts", "50000");
  await (await openStore({ root, durability: "none" }))[Symbol.asyncDispose]();
  assertEquals(await parts(), names.slice(3));
});

Deno.test("boundCaches: measures what is new, and removes down to nine tenths of the bound", async () => {
  await using fixture = await gcFixture();
  const { store, root } = fixture;
  const app = await fixture.load("docker.io/library/app:1", ["a", "b", "c"]);
  const [a, b, c] = diffIdsOf(app) as [DiffId, DiffId, DiffId];
  const made: string[] = [];
  const make = async (diffId: DiffId, usedAt: number) =>
    made.push(await extract(fixture, diffId, usedAt));
  const left = () => Promise.all(made.map(isThere));
  const bound = async (knowledge: GcKnowledge = IDLE) =>
    (await store.collector.boundCaches(knowledge)).map(({ name }) => name);
  store.settings.set("cache.size", "30000");
  await make(a, 1);
  assertEquals(await bound(), []);
  await make(b, 2);
  assertEquals(await bound(), []);
  // Nothing is new: nothing is looked at, whatever the bound is.
  store.settings.set("cache.size", "1");
  assertEquals(await bound(), []);
  store.settings.set("cache.size", "30000");

  // While a snapshot is being made, and while another process collects, what is new stays new.
  await make(c, 3);
  assertEquals(await bound({}), []);
  assertEquals(await bound({ lockCaches: () => undefined }), []);
  {
    using lock = await FileLock.acquire(`${root}/ingest/gc.lock`);
    await assertRejects(() => bound(), VarveError, "another process is collecting");
    lock.remove();
  }
  assertEquals(await left(), [true, true, true]);
  assertEquals(await bound(), [a]);
  assertEquals(await left(), [false, true, true]);
  assertEquals(await bound(), []);

  // What is mounted stays, and the next one goes.
  await make(a, 4);
  const inUse = () => (path: string) => path === made[1];
  assertEquals(await bound({ ...IDLE, inUse }), [c]);
  assertEquals(await left(), [true, true, false, true]);
});

Deno.test("what is not new is measured again only when the sum is beyond the bound", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load("docker.io/library/app:1", ["a", "b"]);
  const [a, b] = diffIdsOf(app) as [DiffId, DiffId];
  store.settings.set("cache.size", "100000");
  const first = await extract(fixture, a, 1);
  await waitUntil("a tick of the file system's clock", async () => {
    const probe = await Deno.makeTempFile({ dir: fixture.root });
    const now = (await Deno.stat(probe)).ctime as Date;
    await Deno.remove(probe);
    return now.getTime() > ((await Deno.stat(first)).ctime as Date).getTime() + 100;
  });
  await store.collector.collect(IDLE);
  // Larger than the bound, but nobody looks: what a driver has made never changes.
  await Deno.writeFile(`${first}/f`, new Uint8Array(200_000));
  await extract(fixture, b, 2);
  assertEquals(await store.collector.boundCaches(IDLE), []);
  store.settings.set("cache.size", "10000");
  const { removed } = await store.collector.collect(IDLE);
  assertEquals(removed.map(({ name }) => name), [a, b]);
});
