import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ChainId, DiffId, Digest } from "../../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../../lib/errors.ts";
import { stateOf } from "../../../../../lib/store/disk/context.ts";
import { arePartsWhole } from "../../../../../lib/store/disk/parts/parts.ts";
import { diskOf } from "../../../../../lib/store/disk/store.ts";
import type { DiskStore, GcReport, Thing } from "../../../../../lib/store/mod.ts";
import type { BuiltImage } from "../../../../support/images/images.ts";
import { prng } from "../../../../support/prng.ts";
import { contentOf, diffIdsOf, type GcFixture, gcFixture, snapshotRow } from "./gc_fixture.ts";

const [APP, OTHER, THIRD] = ["example.org/app:1", "example.org/other:1", "example.org/third:1"];
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** Digest of `{}`. */
const EMPTY_OBJECT = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/** Removes image names, and collects what they reached. */
async function removeNames(store: DiskStore, names: readonly string[]): Promise<GcReport> {
  const reached = store.collector.reach(names.map((name): Thing => `image:${name}`));
  store.images.removeAll(names);
  return await store.collector.collect({}, { reached });
}

/** Lets the store know that it has no garbage. A new one does not. */
async function settled(): Promise<GcFixture> {
  const fixture = await gcFixture();
  await fixture.store.collector.collect();
  return fixture;
}

async function spoil({ root }: GcFixture, digest: string): Promise<void> {
  const path = `${root}/content/blobs/sha256/${digest.slice(7)}`;
  await Deno.chmod(path, 0o644);
  await Deno.writeTextFile(path, "{}");
}

Deno.test("what only a removed image needed is freed, and the documents of others are not read", async () => {
  await using fixture = await settled();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base", "app"]);
  const kept = contentOf(store);
  await fixture.load(OTHER, ["base", "other"]);
  // A collection of everything would read it, and remove nothing.
  await spoil(fixture, app.imageId);
  const { removed, bytes, unreadable } = await removeNames(store, [OTHER]);
  assertEquals(removed.map(({ kind }) => kind), ["chain", "blob", "blob", "blob", "layer"]);
  assert(bytes > 8192);
  assertEquals([unreadable, contentOf(store)], [[], kept]);
  const all = await store.collector.collect();
  assertEquals(all.unreadable, [app.imageId as Digest]);
});

Deno.test("names of one image are removed together, and one of them alone frees nothing", async () => {
  await using fixture = await settled();
  const { store } = fixture;
  await fixture.load(APP, ["app"]);
  const target = store.images.get(APP)!.target;
  for (const name of [OTHER, THIRD]) store.images.set(name, target);
  assertEquals((await removeNames(store, [APP])).removed, []);
  assertEquals((await removeNames(store, [OTHER, THIRD])).removed.length, 5);
  assertEquals(contentOf(store), []);
});

Deno.test("a layer stays that only the config of another image names", async () => {
  await using fixture = await settled();
  const { store } = fixture;
  const [base] = diffIdsOf(await fixture.load(APP, ["base", "app"])) as [DiffId];
  await fixture.load(OTHER, ["base", "other"]);
  const { db } = diskOf(store);
  // Without its chains, and the proof that a blob holds it.
  db.run("DELETE FROM chain");
  db.run("DELETE FROM layer_blob");
  await removeNames(store, [OTHER]);
  assertEquals([store.layers.get(base)?.diffId, store.layers.list().length], [base, 2]);
});

Deno.test("garbage of earlier removals is freed, too", async () => {
  await using fixture = await settled();
  const { store } = fixture;
  for (const [i, name] of [APP, OTHER, THIRD].entries()) await fixture.load(name, [`${i}`]);
  // A verb that was killed, or called with --no-gc.
  store.images.remove(APP);
  await removeNames(store, [OTHER]);
  assertEquals(contentOf(store).length, 5);
  // An image whose name is given to another, without leaving <none>.
  const digest = store.images.get(THIRD)!.target;
  await fixture.load(APP, ["new"]);
  store.images.set(APP, digest, { replaces: true });
  await removeNames(store, [THIRD]);
  assertEquals(contentOf(store).length, 5);
  // A lease that outlived the image.
  const lease = { createdAt: 1, expiresAt: null, labels: {} };
  store.leases.create({ ...lease, id: "own", resources: [`image:${APP}`] });
  const layers = store.layers.list().map(({ diffId }): Thing => `layer:${diffId}`);
  store.leases.create({ ...lease, id: "layers", resources: layers });
  await removeNames(store, [APP]);
  assertEquals(contentOf(store), layers);
  for (const { id } of store.leases.list()) store.leases.remove(id);
  await fixture.load(APP, ["app"]);
  await removeNames(store, [APP]);
  assertEquals(contentOf(store), []);
});

Deno.test("the end of a mount's lease does not call for a collection of everything", async () => {
  await using fixture = await settled();
  const { store } = fixture;
  await fixture.load(APP, ["app"]);
  const due = () => stateOf(diskOf(store).db, "due");
  const lease = { id: "m", createdAt: 1, expiresAt: null, labels: {} };
  store.leases.create({ ...lease, resources: [`image:${APP}`, "chain:x"] });
  store.leases.remove("m");
  assertEquals(due(), 0);
  store.leases.create({ ...lease, resources: ["chain:x"] });
  store.leases.remove("m");
  assertEquals(due(), 1);
});

Deno.test("what a removed image shares with an ingest or a mount stays, until all is collected", async () => {
  await using fixture = await settled();
  const { store } = fixture;
  const app = await fixture.load(APP, ["base", "app"]);
  const [base] = diffIdsOf(app) as [DiffId];
  const ingest = await store.ingest();
  await ingest.hold([base]);
  await removeNames(store, [APP]);
  assertEquals(contentOf(store), [`layer:${base}`]);
  await ingest[Symbol.asyncDispose]();
  await fixture.load(OTHER, ["other"]);
  const directory = store.directories.layer(
    diffIdsOf(await fixture.load(THIRD, ["third"]))[0] as DiffId,
  );
  await removeNames(store, [OTHER]);
  assertEquals(store.layers.get(base), undefined);
  const inUse = () => (path: string) => path === directory;
  const reached = store.collector.reach([`image:${THIRD}`]);
  store.images.remove(THIRD);
  await store.collector.collect({ inUse }, { reached });
  assertEquals(store.layers.list().length, 1);
  await fixture.load(APP, ["app"]);
  await removeNames(store, [APP]);
  assertEquals(contentOf(store), []);
});

Deno.test("parts that are lost or not known let all documents be read", async (t) => {
  const cases: Readonly<Record<string, (fixture: GcFixture, app: BuiltImage) => unknown>> = {
    "rows are missing": ({ store }) => {
      const { db } = diskOf(store);
      db.run("DROP TRIGGER part_delete");
      db.run("DELETE FROM part");
    },
    "a row is of another document": ({ store }, app) => {
      const { db } = diskOf(store);
      db.run("DROP TRIGGER part_delete");
      db.run("DROP TRIGGER part_insert");
      db.run("DELETE FROM part WHERE document = ?", app.imageId);
    },
    "a document is not noted": ({ store }, app) => {
      const { db } = diskOf(store);
      db.run("UPDATE blob SET parts = NULL");
      db.run("DELETE FROM part");
      assertEquals(arePartsWhole(db), false);
      assertEquals(store.blobs.stat(app.imageId as Digest)?.digest, app.imageId as Digest);
    },
  };
  for (const [name, make] of Object.entries(cases)) {
    await t.step(name, async () => {
      await using fixture = await settled();
      const { store } = fixture;
      const app = await fixture.load(APP, ["base", "app"]);
      const kept = contentOf(store);
      await fixture.load(OTHER, ["base", "other"]);
      await make(fixture, app);
      await removeNames(store, [OTHER]);
      assertEquals(contentOf(store), kept);
    });
  }
  await t.step("a document that is not noted is damaged", async () => {
    await using fixture = await settled();
    const { store } = fixture;
    const app = await fixture.load(APP, ["base", "app"]);
    await fixture.load(OTHER, ["base", "other"]);
    const { db } = diskOf(store);
    db.run("UPDATE blob SET parts = NULL WHERE digest = ?", app.imageId);
    db.run("DELETE FROM part WHERE document = ?", app.imageId);
    await spoil(fixture, app.imageId);
    const before = contentOf(store);
    assertEquals((await removeNames(store, [OTHER])).unreadable, [app.imageId as Digest]);
    assertEquals(contentOf(store), before);
  });
  await t.step("the database is older than the files", async () => {
    await using fixture = await settled();
    const { store } = fixture;
    await fixture.load(APP, ["app"]);
    const before = contentOf(store);
    diskOf(store).db.run("INSERT OR REPLACE INTO state VALUES ('older', 1)");
    await removeNames(store, [APP]);
    assertEquals(contentOf(store), before);
  });
  await t.step("a document of the removed image is damaged", async () => {
    await using fixture = await settled();
    const { store } = fixture;
    const app = await fixture.load(APP, ["app"]);
    await spoil(fixture, app.descriptor.digest);
    assertEquals(store.collector.reach([`image:${APP}`]).isKnown, false);
    await removeNames(store, [APP]);
    assertEquals(contentOf(store), []);
  });
});

Deno.test("the database refuses to change the parts of a document that is noted", async () => {
  await using fixture = await settled();
  const { store } = fixture;
  const app = await fixture.load(APP, ["app"]);
  const { db } = diskOf(store);
  for (
    const sql of [
      "DELETE FROM part",
      "UPDATE part SET digest = 'x'",
      `INSERT INTO part VALUES ('x', 'blob', '${app.imageId}')`,
      "UPDATE blob SET parts = parts + 1",
    ]
  ) assertThrows(() => db.run(sql), VarveError);
  assertEquals(arePartsWhole(db), true);
  await removeNames(store, [APP]);
  assertEquals(db.get<{ n: number }>("SELECT count(*) AS n FROM part")?.n, 0);
});

/** A store whose content is chosen at random, and what may be removed from it. */
class Random {
  readonly #fixture: GcFixture;
  readonly #random: ReturnType<typeof prng>;
  readonly #images: BuiltImage[] = [];
  #count = 0;

  constructor(fixture: GcFixture, seed: number) {
    this.#fixture = fixture;
    this.#random = prng(seed);
  }

  /** Adds something. */
  async add(): Promise<void> {
    const { store } = this.#fixture;
    const random = this.#random;
    const name = `example.org/i:${this.#count++}`;
    if (this.#images.length < 2 || random.chance(0.4)) {
      const layers = Array.from({ length: random.int(1, 4) }, () => random.pick([..."abcde"]));
      const packing = random.pick(["gzip", "none"] as const);
      this.#images.push(await this.#fixture.load(name, [...new Set(layers)], packing));
      return;
    }
    const present = this.#images.filter(({ descriptor }) =>
      store.blobs.stat(descriptor.digest as Digest) !== undefined
    );
    if (present.length === 0) return;
    const image = random.pick(present);
    const work = random.pick([
      () => void store.images.set(name, image.descriptor as never),
      () => this.#index(name, [image, random.pick(present)]),
      () => this.#artifact(name, image),
      () => this.#snapshot(name, image, random.chance(0.5)),
      () =>
        store.leases.create({
          id: name,
          createdAt: 1,
          expiresAt: null,
          labels: {},
          resources: [`chain:${random.pick(image.layers).chainId}`, "image:example.org/i:0"],
        }),
    ]);
    await work();
  }

  async #put(name: string, value: Record<string, unknown>): Promise<void> {
    await using ingest = await this.#fixture.store.ingest();
    const bytes = new TextEncoder().encode(JSON.stringify({ ...value, annotations: { name } }));
    ingest.image(name, await ingest.blob(bytes, value["mediaType"] as string));
    await ingest.commit();
  }

  #index(name: string, images: readonly BuiltImage[]): Promise<void> {
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const manifests = images.map(({ descriptor: { digest, size } }) => ({
      mediaType: MANIFEST,
      digest,
      size,
    }));
    return this.#put(name, { schemaVersion: 2, mediaType, manifests });
  }

  /** A manifest that names layers, and no diffIDs. */
  async #artifact(name: string, image: BuiltImage): Promise<void> {
    const { store } = this.#fixture;
    const layers = image.layers.map(({ descriptor }) => descriptor)
      .filter(({ digest }) => store.blobs.stat(digest as Digest) !== undefined);
    const config = { mediaType: "application/x", digest: EMPTY_OBJECT, size: 2 };
    await this.#put(name, { schemaVersion: 2, mediaType: MANIFEST, config, layers });
  }

  #snapshot(key: string, image: BuiltImage, isTheirs: boolean): void {
    const { store } = this.#fixture;
    const depth = this.#random.int(1, image.layers.length + 1);
    const isLabelled = this.#random.chance(0.3);
    if (image.layers.some(({ diffId }) => store.layers.get(diffId as DiffId) === undefined)) return;
    store.chains.ensure(diffIdsOf(image).slice(0, depth));
    store.snapshots.in(isTheirs ? "containerd" : "").transact((table) => {
      let parent: string | null = null;
      for (const { chainId, diffId } of image.layers.slice(0, depth)) {
        if (table.get(chainId) === undefined) {
          const row = {
            key: chainId,
            kind: "committed",
            parent,
            diffId: diffId as DiffId,
          } as const;
          table.put(snapshotRow(row));
        }
        parent = chainId;
      }
      const labels = isLabelled ? { "varve.image.manifest": image.descriptor.digest } : {};
      table.put(snapshotRow({ key, parent, labels }));
    });
  }

  /** Removes something, and returns what it may have reached. */
  remove() {
    const { store } = this.#fixture;
    const names = store.images.list().map(({ name }): Thing => `image:${name}`);
    const keys = store.snapshots.read((table) => table.byKind("active"))
      .map(({ key }): Thing => `snapshot:${key}`);
    const theirs = store.snapshots.in("containerd").read((table) => table.byKind("active"));
    if (theirs.length > 0 && this.#random.chance(0.1)) {
      store.snapshots.in("containerd").transact((table) => table.delete(theirs[0]!.key));
    }
    const [lease] = store.leases.list();
    if (lease !== undefined && this.#random.chance(0.1)) store.leases.remove(lease.id);
    const things = this.#random.shuffle([...names, ...keys]).slice(0, this.#random.int(1, 3));
    const reached = store.collector.reach(things);
    for (const thing of things) {
      const name = thing.slice(thing.indexOf(":") + 1);
      if (thing.startsWith("image:")) store.images.remove(name);
      else store.snapshots.transact((table) => table.delete(name));
    }
    return reached;
  }
}

Deno.test("a collection of what was reached removes garbage only, and leaves hardly any", async () => {
  const SEEDS = 3, STEPS = 40;
  let [removals, ownly, left] = [0, 0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    await using fixture = await settled();
    const { store } = fixture;
    const { db } = diskOf(store);
    const random = new Random(fixture, seed);
    for (let step = 0; step < STEPS; step++) {
      for (let i = 0; i < 2; i++) await random.add();
      const reached = random.remove();
      const marks = await store.collector.mark();
      const garbage = new Set(
        (await store.collector.garbage(marks, {}, { bounds: false })).map(thingOf),
      );
      const before = contentOf(store) as Thing[];
      const own = stateOf(db, "due") <= reached.targets.length + reached.active.length;
      const { removed } = await store.collector.collect({}, { reached, bounds: false });
      removals += removed.length;
      if (own) ownly += removed.length;
      const wrong = removed.map(thingOf).filter((thing) => !garbage.has(thing));
      assertEquals(wrong, [], `seed ${seed}, step ${step}`);
      const after = new Set(contentOf(store));
      assertEquals(before.filter((thing) => marks.keeps(thing) && !after.has(thing)), []);
      const rest = await store.collector.garbage(await store.collector.mark(), {}, {
        bounds: false,
      });
      left += rest.length;
      assertEquals(arePartsWhole(db), true);
    }
  }
  assert(ownly > 100 && left * 20 < removals, `${removals} removed, ${ownly}, ${left} left`);
});

function thingOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}:${name as ChainId}`;
}
