import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../../../lib/errors.ts";
import { watchCalls } from "../../../../crash/store_calls.ts";
import { tempDir } from "../../../../support/machine/temp_dir.ts";
import type { Digest } from "../../../../../lib/digest/mod.ts";
import type { ChainId } from "../../../../../lib/digest/mod.ts";
import { namesIn } from "../../../../../lib/store/disk/system.ts";
import { openStore, type Thing } from "../../../../../lib/store/mod.ts";
import type { BuiltImage } from "../../../../support/images/images.ts";
import { contentOf, diffIdsOf, gcFixture, snapshotRow } from "./gc_fixture.ts";

const APP = "docker.io/library/app:1", OTHER = "docker.io/library/other:1";

/** What the documents of an image name, as `contentOf` lists it. */
function partsOf(image: BuiltImage): Thing[] {
  return [
    `blob:${image.descriptor.digest as Digest}`,
    `blob:${image.imageId as Digest}`,
    ...image.layers.map(({ descriptor }): Thing => `blob:${descriptor.digest as Digest}`),
    ...diffIdsOf(image).map((diffId): Thing => `layer:${diffId}`),
    ...image.layers.map(({ chainId }): Thing => `chain:${chainId as ChainId}`),
  ];
}

Deno.test("an image name keeps its manifest, config, blobs, layers and chains, and nothing else stays", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base", "app"]);
  await fixture.load(OTHER, ["base", "other"]);
  assertEquals((await store.collector.collect()).removed, []);
  store.images.remove(OTHER);
  const { removed, bytes, deferred } = await store.collector.collect();
  assertEquals(contentOf(store), partsOf(app).sort());
  assertEquals(removed.map(({ kind }) => kind), ["chain", "blob", "blob", "blob", "layer"]);
  assertEquals(bytes > 8192, true);
  assertEquals(deferred, []);
  assertEquals(await namesIn(`${fixture.root}/trash`), []);
  store.images.remove(APP);
  await store.collector.collect();
  assertEquals(contentOf(store), []);
  assertEquals(await namesIn(`${fixture.root}/layers`), []);
  assertEquals(await namesIn(`${fixture.root}/content/blobs/sha256`), []);
});

Deno.test("the marks say by which chain of reasons a thing is kept", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base", "app"]);
  const marks = await store.collector.mark();
  const diffId = diffIdsOf(app)[1];
  assertEquals(marks.why(`layer:${diffId!}`), [
    { thing: `image:${APP}`, why: "image name" },
    { thing: `blob:${app.descriptor.digest as Digest}`, why: "the document that it names" },
    { thing: `layer:${diffId!}`, why: "layer 2 of it" },
  ]);
  assertEquals(marks.why("image:none"), []);
  assertEquals(marks.keeps(`layer:${diffId!}`), true);
  assertEquals(await store.collector.garbage(marks), []);
});

Deno.test("an active snapshot keeps its layers, and the documents that its labels name", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base", "app"]);
  const [base, top] = diffIdsOf(app);
  const [low, high] = app.layers.map(({ chainId }) => chainId);
  store.snapshots.transact((table) => {
    table.put(snapshotRow({ key: low!, kind: "committed", diffId: base! }));
    table.put(snapshotRow({ key: high!, kind: "committed", diffId: top!, parent: low! }));
    table.put(snapshotRow({ key: "work", parent: high! }));
  });
  store.images.remove(APP);
  await store.collector.collect();
  const kept = partsOf(app).filter((thing) => !thing.startsWith("blob:"));
  const snapshots = [`snapshot:${high}`, `snapshot:${low}`, "snapshot:work"];
  assertEquals(contentOf(store), [...kept, ...snapshots].sort());
  store.snapshots.transact((table) => table.delete("work"));
  await store.collector.collect();
  assertEquals(contentOf(store), []);

  await fixture.load(APP, ["base", "app"]);
  const labels = { "varve.image.manifest": app.descriptor.digest };
  store.snapshots.transact((table) => table.put(snapshotRow({ key: "work", labels })));
  store.images.remove(APP);
  await store.collector.collect();
  assertEquals(contentOf(store), [...partsOf(app), "snapshot:work"].sort());
});

Deno.test("a committed snapshot that somebody made keeps its layer, and one of a chain does not", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base"]);
  const [base] = diffIdsOf(app);
  store.images.remove(APP);
  store.snapshots.transact((table) => {
    table.put(snapshotRow({ key: app.chainId, kind: "committed", diffId: base! }));
    table.put(snapshotRow({ key: "mine", kind: "committed", diffId: base! }));
  });
  await store.collector.collect();
  // The snapshot of the chain is a cache, which stays as long as its chain.
  assertEquals(
    contentOf(store),
    [`chain:${app.chainId}`, `layer:${base}`, "snapshot:mine", `snapshot:${app.chainId}`].sort(),
  );
  store.snapshots.transact((table) => table.delete("mine"));
  await store.collector.collect();
  assertEquals(contentOf(store), []);
});

Deno.test("what containerd's snapshots need stays, and so do they", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base", "app", "top"]);
  const [base, middle, top] = diffIdsOf(app);
  const [low, high] = app.layers.map(({ chainId }) => chainId);
  const theirs = store.snapshots.in("containerd");
  theirs.transact((table) => {
    // Not even a name that is a chainID makes one of them a cache.
    table.put(snapshotRow({ key: low!, kind: "committed", diffId: base! }));
    table.put(snapshotRow({ key: "k/2/x", kind: "committed", diffId: middle!, parent: low! }));
    table.put(snapshotRow({ key: "k/3/work", parent: "k/2/x", diffId: top! }));
  });
  // The user's own of the same name is another.
  store.snapshots.transact((table) => table.put(snapshotRow({ key: "k/3/work" })));
  store.images.remove(APP);
  const { removed } = await store.collector.collect();
  assertEquals(removed.filter(({ kind }) => kind === "snapshot"), []);
  const layers = [base, middle, top].map((diffId) => `layer:${diffId}`);
  const chains = [`chain:${low}`, `chain:${high}`];
  assertEquals(contentOf(store), [...layers, ...chains, "snapshot:k/3/work"].sort());
  assertEquals(theirs.read((table) => table.list()).length, 3);
  const marks = await store.collector.mark();
  assertEquals(marks.why(`layer:${base!}`).map(({ thing }) => thing), [
    `containerd-snapshot:${low}`,
    `layer:${base!}`,
  ]);
  assertEquals(marks.why("containerd-snapshot:k/3/work").length, 1);
  const without = new Set<Thing>(["snapshot:k/3/work"]);
  const rest = await store.collector.mark({}, { without });
  assertEquals(rest.keeps("containerd-snapshot:k/3/work"), true);
  theirs.transact((table) => {
    table.delete("k/3/work");
    table.delete("k/2/x");
  });
  await store.collector.collect();
  assertEquals(contentOf(store), [`chain:${low}`, `layer:${base}`, "snapshot:k/3/work"].sort());
  theirs.transact((table) => table.delete(low!));
  await store.collector.collect();
  assertEquals(contentOf(store), ["snapshot:k/3/work"]);
});

Deno.test("a snapshot of containerd that is made while a process collects keeps its layer", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base"]);
  const [base] = diffIdsOf(app);
  store.images.remove(APP);
  let isMade = false;
  const { removed } = await store.collector.collect({
    inUse: () => {
      if (!isMade) {
        isMade = true;
        store.snapshots.in("containerd").transact((table) =>
          table.put(snapshotRow({ key: "new", kind: "committed", diffId: base! }))
        );
      }
      return () => false;
    },
  });
  assertEquals(isMade, true);
  assertEquals(removed.some(({ name }) => name === base), false);
  assertEquals(contentOf(store).includes(`layer:${base!}`), true);
});

Deno.test("a live lease keeps its resources until it ends, and an expired one is removed", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base", "app"]);
  const lease = { createdAt: 1, expiresAt: null, labels: {} };
  store.leases.create({ ...lease, id: "chain", resources: [`chain:${app.chainId}`] });
  store.leases.create({ ...lease, id: "old", expiresAt: 5, resources: [`blob:${app.imageId}`] });
  store.images.remove(APP);
  const live = await store.collector.collect({ isLive: ({ id }) => id === "chain" });
  assertEquals(live.removed[0]?.kind, "lease");
  assertEquals(store.leases.list().map(({ id }) => id), ["chain"]);
  assertEquals(contentOf(store), partsOf(app).filter((one) => !one.startsWith("blob:")).sort());
  await store.collector.collect({ isLive: () => false });
  assertEquals(contentOf(store), []);
});

Deno.test("an open ingest keeps what it found present, also for gc of another process", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base", "app"]);
  await using other = await openStore({ root: fixture.root, durability: "none" });
  await using ingest = await store.ingest();
  const [layer] = app.layers;
  const key = { digest: layer!.descriptor.digest as Digest, diffId: diffIdsOf(app)[0] };
  assertEquals((await ingest.layer(key, { blob: true })).state, "present");
  await ingest.hold([app.imageId as Digest]);
  store.images.remove(APP);
  await other.collector.collect();
  assertEquals(
    contentOf(store),
    [`blob:${app.imageId}`, `blob:${key.digest}`, `layer:${key.diffId}`].sort(),
  );
  ingest.chain([key.diffId!]);
  await ingest.commit();
  await other.collector.collect();
  assertEquals(contentOf(store), []);
});

Deno.test("while a document of an image cannot be read, no blob, layer or chain is removed", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base"]);
  await fixture.load(OTHER, ["other"]);
  store.images.remove(OTHER);
  const path = `${fixture.root}/content/blobs/sha256/${app.descriptor.digest.slice(7)}`;
  await Deno.chmod(path, 0o600);
  await Deno.writeTextFile(path, "{}");
  const before = contentOf(store);
  const { unreadable, removed } = await store.collector.collect();
  assertEquals(unreadable, [app.descriptor.digest as Digest]);
  assertEquals(removed, []);
  assertEquals(contentOf(store), before);
  store.images.remove(APP);
  await store.collector.collect();
  assertEquals(contentOf(store), []);
});

Deno.test("a dry run says what a collection removes, with the same bytes, and removes nothing", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  await fixture.load(APP, ["base", "app"], "none");
  await fixture.load(OTHER, ["base", "other"]);
  store.images.removeAll([APP, OTHER]);
  const before = contentOf(store);
  const planned = await store.collector.collect({}, { dryRun: true });
  assertEquals(contentOf(store), before);
  const done = await store.collector.collect();
  assertEquals(done, planned);
  // The tar of an uncompressed layer is its blob, too: its bytes count once.
  assertEquals(done.bytes > 0, true);
});

Deno.test("what a mount uses is deferred", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base"]);
  const [base] = diffIdsOf(app);
  store.images.remove(APP);
  const used = store.directories.layer(base!);
  const { deferred } = await store.collector.collect({ inUse: () => (path) => path === used });
  assertEquals(deferred, [{ kind: "layer", name: base!, bytes: 0, reason: "a mount uses it" }]);
  assertEquals(contentOf(store), [`layer:${base}`]);
  await store.collector.collect();
  assertEquals(contentOf(store), []);
});

Deno.test("a collection whose renames fail says so, and the next start removes the files without rows", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await using fixture = await gcFixture(root);
  const app = await fixture.load(APP, ["base"]);
  fixture.store.images.remove(APP);
  let failed = 0;
  {
    using _ = watchCalls((name) => {
      if (name !== "renameSync") return;
      failed++;
      const text = "No space left on device (os error 28)";
      throw Object.assign(new Error(text), { code: "ENOSPC" });
    });
    const error = await assertRejects(() => fixture.store.collector.collect(), VarveError);
    assertEquals([error.code, error.details.errno], ["E_SYSCALL", "ENOSPC"]);
  }
  assertEquals(failed, 1);
  assertEquals(fixture.store.layers.get(diffIdsOf(app)[0]!), undefined);
  await fixture.store[Symbol.asyncDispose]();
  await using again = await openStore({ root, durability: "none" });
  assertEquals(contentOf(again), []);
  assertEquals(await namesIn(`${root}/layers`), []);
  assertEquals(await namesIn(`${root}/content/blobs/sha256`), []);
  assertEquals(await namesIn(`${root}/trash`), []);
});
