import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ChainId, Digest } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { chainIds } from "../../lib/layer/mod.ts";
import type { Lease, SnapshotRow, Store } from "../../lib/store/mod.ts";
import type { StoreTest } from "./store.ts";
import { bringLayer, sampleLayer } from "./store_layers.ts";

/** What a store promises about chains, names, snapshot rows, leases and settings. */
export function rowsConformance(test: StoreTest): void {
  test("chains are noted once and read lowest first", async (store) => {
    const diffIds = await withLayers(store, 3);
    const ids = chainIds(diffIds);
    const top = store.chains.ensure(diffIds);
    assertEquals(top, ids[2]);
    assertEquals(store.chains.ensure(diffIds), top);
    assertEquals(store.chains.diffIds(top), diffIds);
    assertEquals(store.chains.diffIds(ids[0] as ChainId), diffIds.slice(0, 1));
    assertEquals(store.chains.get(top)?.parent, ids[1] ?? null);
    assertEquals(store.chains.list().map((c) => c.chainId), ids.toSorted());
    assertEquals(codeOf(() => store.chains.diffIds(sampleLayer(9).diffId as never)), "E_NOT_FOUND");
    const absent = [...diffIds, sampleLayer(9).diffId];
    assertEquals(codeOf(() => store.chains.ensure(absent)), "E_PRECONDITION");
    assertThrows(() => store.chains.ensure([]), RangeError);
  });

  test("a name points at a blob that the store holds", async (store) => {
    await using ingest = await store.ingest();
    const platform = { os: "linux", architecture: "arm64" };
    const first = { ...await ingest.blob(new Uint8Array(1), "a/b"), platform };
    const second = await ingest.blob(new Uint8Array(2), "a/b");
    await ingest.commit();
    const made = store.images.set("x:1", first);
    assertEquals(made.target, first);
    assertEquals(store.images.get("x:1"), made);
    const asked = store.images.set("x:1", first, { platform });
    assertEquals({ ...asked.platform }, { ...platform });
    assertEquals(store.images.get("x:1"), asked);
    const moved = store.images.set("x:1", second);
    assertEquals(moved.platform, undefined);
    assertEquals([moved.target.digest, moved.createdAt], [second.digest, made.createdAt]);
    store.images.set("X:1", first);
    assertEquals(store.images.list().map((i) => i.name), ["X:1", "x:1"]);
    store.images.remove("x:1");
    assertEquals(store.images.get("x:1"), undefined);
    assertEquals(codeOf(() => store.images.remove("x:1")), "E_NOT_FOUND");
    const absent = { ...first, digest: sampleLayer(1).diffId };
    assertEquals(codeOf(() => store.images.set("y", absent)), "E_NOT_FOUND");
    for (const name of ["b", "a", "c"]) store.images.set(name, first);
    assertEquals(store.images.removeAll(["c", "x:1", "a", "c"]), ["c", "a"]);
    assertEquals(store.images.list().map((i) => i.name), ["X:1", "b"]);
    assertEquals(store.images.removeAll([]), []);
    for (const name of ["", "a\0b", "\ud800", "x".repeat(5000)]) {
      assertThrows(() => store.images.set(name, first), RangeError);
    }
    const nameless = `<none>@${first.digest}`;
    store.images.set(nameless, first);
    store.images.set("spare", first, { spare: true });
    assertEquals(store.images.get(nameless)?.target.digest, first.digest);
    store.images.set("named", first);
    assertEquals(store.images.get(nameless), undefined);
    for (const name of ["X:1", "b", "spare"]) store.images.remove(name);
    store.images.set("named", second, { replaces: true });
    assertEquals(store.images.get(nameless), undefined);
    store.images.set("named", first);
    assertEquals(store.images.list().map((i) => i.name), [`<none>@${second.digest}`, "named"]);
    await using named = await store.ingest();
    for (const name of [second.digest, `docker.io/library/${second.digest}`, "sha512:1"]) {
      assertEquals(codeOf(() => store.images.set(name, first)), "E_USAGE", name);
      assertEquals(codeOf(() => named.image(name, first)), "E_USAGE", name);
    }
  });

  test("a name moves only from the target that its new target was made from", async (store) => {
    await using ingest = await store.ingest();
    const first = await ingest.blob(new Uint8Array(1), "a/b");
    const second = await ingest.blob(new Uint8Array(2), "a/b");
    ingest.image("app", first);
    await ingest.commit();
    const move = (name: string, previous: Digest) => async () => {
      await using moving = await store.ingest();
      const third = await moving.blob(new Uint8Array(3), "a/b");
      moving.image("beside", third);
      moving.image(name, third, { previous });
      await moving.commit();
    };
    for (const [name, previous] of [["app", second.digest], ["new", first.digest]] as const) {
      assertEquals(codeOf(() => store.images.set(name, second, { previous })), "E_BUSY");
      const error = await assertRejects(move(name, previous), VarveError);
      const { code, details: { subject, expected } } = error;
      assertEquals([code, subject, expected], ["E_BUSY", name, previous]);
      // Nothing of the commit is visible.
      assertEquals(store.images.list().map(({ target }) => target.digest), [first.digest]);
      assertEquals(store.blobs.list().length, 2);
    }
    await move("app", first.digest)();
    assertEquals(store.images.list().map((i) => i.name), [
      `<none>@${first.digest}`,
      "app",
      "beside",
    ]);
  });

  test("spare names are removed together, unless a user has given them since", async (store) => {
    await using ingest = await store.ingest();
    const target = await ingest.blob(new Uint8Array(1), "a/b");
    ingest.image("ingested", target, { spare: true });
    ingest.image("kept", target);
    await ingest.commit();
    const spare = () => store.images.list().filter((i) => i.spare).map((i) => i.name);
    assertEquals(store.images.set("set", target, { spare: true }).spare, true);
    assertEquals(store.images.set("set", target, { spare: true }).spare, true);
    assertEquals(store.images.set("kept", target, { spare: true }).spare, undefined);
    assertEquals(spare(), ["ingested", "set"]);
    store.images.set("set", target);
    assertEquals(spare(), ["ingested"]);
    const all = ["ingested", "kept", "set"];
    assertEquals(store.images.removeAll(all, { spare: true }), ["ingested"]);
    assertEquals(store.images.removeAll(all), ["kept", "set"]);
  });

  test("an image that loses its last name stays as <none>", async (store) => {
    await using ingest = await store.ingest();
    const first = await ingest.blob(new Uint8Array(1), "a/b");
    const second = await ingest.blob(new Uint8Array(2), "a/b");
    ingest.image("app", first);
    await ingest.commit();
    const nameless = `<none>@${first.digest}`;
    const names = () => store.images.list().map(({ name }) => name);
    store.images.set("app", second);
    assertEquals(names(), [nameless, "app"]);
    assertEquals(store.images.get(nameless)?.target, first);
    // With another name, it needs no such row.
    store.images.set("other", first);
    store.images.set("app", first);
    assertEquals(names(), [`<none>@${second.digest}`, "app", "other"]);
    store.images.set("app", second);
    assertEquals(names(), ["app", "other"]);
    // A name that the program made keeps nothing for a user.
    store.images.set("spare", first, { spare: true });
    store.images.set("other", second);
    store.images.set("spare", second, { spare: true });
    assertEquals(names(), ["app", "other", "spare"]);
  });

  test("snapshot rows are read as they were written", (store) => {
    const labels = Object.fromEntries([["a", "b\0c"], ["containerd.io/x", "ü"], ["", " "]]);
    const rows: SnapshotRow[] = [
      row("b/1/ключ", { labels, usage: { size: 7, inodes: 2 }, kind: "committed" }),
      row("c", { parent: "b/1/ключ", cacheId: 5 }),
      row("a\n../x", { diffId: sampleLayer(1).diffId, kind: "view" }),
    ];
    store.snapshots.transact((table) => rows.forEach((r) => table.put(r)));
    store.snapshots.read((table) => {
      for (const r of rows) assertEquals(plain(table.get(r.key)), r);
      assertEquals(table.list().map((r) => r.key), ["a\n../x", "b/1/ключ", "c"]);
      assertEquals(table.hasChildren("b/1/ключ"), true);
      assertEquals(table.hasChildren("c"), false);
      assertEquals(table.get("nothing"), undefined);
    });
    store.snapshots.transact((table) => {
      table.put(row("c", { updatedAt: 9 }));
      table.delete("a\n../x");
      assertEquals(table.list().map((r) => r.key), ["b/1/ключ", "c"]);
      assertEquals(table.hasChildren("b/1/ключ"), false);
    });
    for (const key of ["", "a\0b"]) {
      assertThrows(() => store.snapshots.transact((t) => t.put(row(key))), RangeError);
    }
  });

  test("each scope has its own keys, parents and children", (store) => {
    const others = store.snapshots.in("containerd");
    assertEquals([store.snapshots.scope, others.scope, others.in("").scope], [
      "",
      "containerd",
      "",
    ]);
    const ref = { "containerd.io/snapshot.ref": "T", other: "T" };
    store.snapshots.transact((table) => {
      table.put(row("p", { kind: "committed" }));
      table.put(row("c", { parent: "p", labels: ref }));
    });
    others.transact((table) => {
      table.put(row("p", { kind: "view", cacheId: 9, labels: { "varve.released": "1" } }));
      table.put(row("q", { kind: "committed", labels: ref, diffId: sampleLayer(1).diffId }));
      table.put(row("a", { parent: "q" }));
      table.put(row("b", { parent: "q", kind: "view" }));
      assertEquals(table.scope, "containerd");
    });
    const keys = (rows: readonly SnapshotRow[]) => rows.map(({ scope, key }) => `${scope}/${key}`);
    store.snapshots.read((table) => {
      assertEquals(table.get("p")?.kind, "committed");
      assertEquals(table.get("q"), undefined);
      assertEquals([table.hasChildren("p"), table.hasChildren("q")], [true, false]);
      assertEquals(keys(table.list()), ["/c", "/p"]);
      assertEquals(keys(table.children("p")), ["/c"]);
      assertEquals(keys(table.children(null)), ["/p"]);
      assertEquals(keys(table.byRef("T")), ["/c"]);
      assertEquals(table.byCacheId(9), undefined);
      assertEquals(table.usedParents(), ["p"]);
      assertEquals(table.countKinds(), { active: 1, view: 0, committed: 1 });
    });
    others.read((table) => {
      assertEquals(table.get("p")?.cacheId, 9);
      assertEquals([table.hasChildren("p"), table.hasChildren("q")], [false, true]);
      assertEquals(keys(table.children("q")), ["containerd/a", "containerd/b"]);
      assertEquals(keys(table.children(null)), ["containerd/p", "containerd/q"]);
      assertEquals(keys(table.byRef("T")), ["containerd/q"]);
      assertEquals(keys(table.byKind("view")), ["containerd/b", "containerd/p"]);
      assertEquals(table.byRef("x"), []);
      assertEquals([table.byCacheId(9)?.key, table.byCacheId(10)?.key], ["p", undefined]);
      assertEquals(table.usedParents(), ["q"]);
      assertEquals(table.countKinds(), { active: 1, view: 2, committed: 1 });
    });
    const all = ["/c", "/p", "containerd/a", "containerd/b", "containerd/p", "containerd/q"];
    assertEquals(keys(store.snapshots.all()), all);
    assertEquals(keys(others.all()), all);
    others.transact((table) => table.delete("p"));
    assertEquals(store.snapshots.read((table) => table.get("p"))?.kind, "committed");
    assertThrows(() => others.transact(() => store.snapshots.transact(() => 1)), TypeError);
  });

  test("snapshots are found by a label, with one value or any", (store) => {
    const odd = '"],["T","x';
    store.snapshots.transact((table) => {
      table.put(row("a", { labels: { T: "x" } }));
      table.put(row("b", { labels: { S: "T", T: "y" } }));
      table.put(row("c", { labels: { U: odd, [odd]: "T" } }));
      table.put(row("d", {}));
    });
    store.snapshots.in("containerd").transact((table) =>
      table.put(row("e", { labels: { T: "x" } }))
    );
    const keys = (key: string, value?: string) =>
      store.snapshots.read((table) => table.byLabel(key, value).map((found) => found.key));
    assertEquals(keys("T"), ["a", "b"]);
    assertEquals(keys("T", "x"), ["a"]);
    assertEquals([keys("T", ""), keys("T", "T"), keys("x")], [[], [], []]);
    assertEquals([keys(odd), keys("U", odd), keys("U", "x")], [["c"], ["c"], []]);
  });

  test("a label called __proto__ is a label", (store) => {
    const labels = Object.create(null) as Record<string, string>;
    labels["__proto__"] = "x";
    store.snapshots.transact((table) => table.put(row("k", { labels })));
    const read = store.snapshots.read((table) => table.get("k"));
    assertEquals(Object.entries(read?.labels ?? {}), [["__proto__", "x"]]);
    assertEquals(({} as Record<string, unknown>)["x"], undefined);
  });

  test("a transaction that throws changes nothing", (store) => {
    store.snapshots.transact((table) => table.put(row("kept")));
    const fail = () =>
      store.snapshots.transact((table) => {
        table.put(row("lost"));
        table.delete("kept");
        throw new EvalError("no");
      });
    assertThrows(fail, EvalError);
    assertEquals(store.snapshots.read((t) => t.list().map((r) => r.key)), ["kept"]);
    const nest = () => store.snapshots.transact(() => store.snapshots.transact(() => 1));
    assertThrows(nest, TypeError);
    assertThrows(() => store.snapshots.transact(async (t) => await t.put(row("late"))), TypeError);
    assertEquals(store.snapshots.transact((t) => t.list().length), 1);
  });

  test("leases are created, listed and removed", (store) => {
    const lease: Lease = {
      id: "one",
      createdAt: 5,
      expiresAt: null,
      labels: { "varve.mount": "/mnt" },
      resources: ["image:x", "chain:y"],
    };
    store.leases.create(lease);
    store.leases.create({ ...lease, id: "a", expiresAt: 6 });
    assertEquals(plain(store.leases.get("one")), lease);
    assertEquals(store.leases.list().map((l) => l.id), ["a", "one"]);
    assertEquals(codeOf(() => store.leases.create(lease)), "E_EXISTS");
    store.leases.remove("one");
    assertEquals(store.leases.get("one"), undefined);
    assertEquals(codeOf(() => store.leases.remove("one")), "E_NOT_FOUND");
  });

  test("settings are set and unset", (store) => {
    assertEquals(store.settings.get("driver"), undefined);
    store.settings.set("workers", "3");
    store.settings.set("driver", "overlay");
    store.settings.set("driver", "native");
    assertEquals(plain(store.settings.list()), { driver: "native", workers: "3" });
    store.settings.set("driver", undefined);
    store.settings.set("driver", undefined);
    assertEquals(plain(store.settings.list()), { workers: "3" });
  });
}

function row(key: string, more: Partial<SnapshotRow> = {}): SnapshotRow {
  return {
    scope: "",
    key,
    kind: "active",
    parent: null,
    cacheId: null,
    diffId: null,
    labels: {},
    createdAt: 1,
    updatedAt: 2,
    usage: null,
    ...more,
  };
}

/** A copy without prototypes, which the labels of rows do not have either. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

function codeOf(fn: () => unknown): string {
  return assertThrows(fn, VarveError).code;
}

async function withLayers(store: Store, count: number) {
  await using ingest = await store.ingest();
  const layers = Array.from({ length: count }, (_, i) => sampleLayer(i));
  for (const layer of layers) await bringLayer(ingest, layer);
  await ingest.commit();
  return layers.map((layer) => layer.diffId);
}
