import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { microseconds } from "../../lib/store/internal.ts";
import type { SnapshotInfo } from "../../lib/snapshot/mod.ts";
import { codeOf } from "../support/code_of.ts";
import type { SnapshotFixture } from "../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../support/trees/names_in.ts";
import type { SnapshotterTest } from "./snapshotter.ts";

const ROOTED = { "containerd.io/gc.root": "yes" };

/** Empty snapshots: c1, c2 on c1, active a1 on c2, active a2, view v1 on c2, view v2. */
async function baseSnapshots({ snapshotter }: SnapshotFixture): Promise<void> {
  const labels = ROOTED;
  await snapshotter.prepare("c1-a", null, { labels });
  await snapshotter.commit("c1", "c1-a", { labels });
  await snapshotter.prepare("c2-a", "c1", { labels });
  await snapshotter.commit("c2", "c2-a", { labels });
  await snapshotter.prepare("a1", "c2", { labels });
  await snapshotter.prepare("a2", null, { labels });
  await snapshotter.view("v1", "c2", { labels });
  await snapshotter.view("v2", null, { labels });
}

const BASE: readonly (readonly [string, SnapshotInfo["kind"], string | null])[] = [
  ["a1", "active", "c2"],
  ["a2", "active", null],
  ["c1", "committed", null],
  ["c2", "committed", "c1"],
  ["v1", "view", "c2"],
  ["v2", "view", null],
];

/** What a snapshotter promises about rows. */
export function rowsConformance(test: SnapshotterTest): void {
  test("StatActive, StatCommitted: kind and parent", async (fixture) => {
    const before = microseconds();
    await baseSnapshots(fixture);
    const after = microseconds();
    const rows = BASE.map(([key]) => fixture.snapshotter.stat(key));
    assertEquals(rows.map(({ key, kind, parent }) => [key, kind, parent] as const), [...BASE]);
    for (const row of rows) {
      assertEquals(row.labels, ROOTED);
      assertEquals(row.createdAt, row.updatedAt);
      assert(before <= row.createdAt && row.createdAt <= after, `${row.createdAt}`);
    }
    assertEquals(await codeOf(() => fixture.snapshotter.stat("c1-a")), "E_NOT_FOUND");
  });

  test("Transitivity: a grandparent is found by its child's parent", async (fixture) => {
    await baseSnapshots(fixture);
    const { snapshotter } = fixture;
    const parent = snapshotter.stat("a1").parent ?? "";
    const grandparent = snapshotter.stat(parent).parent ?? "";
    assertEquals([parent, grandparent, snapshotter.stat(grandparent).parent], ["c2", "c1", null]);
  });

  test("PrepareViewFailing: one key space, committed parents only", async (fixture) => {
    await baseSnapshots(fixture);
    const { snapshotter } = fixture;
    for (const key of ["a1", "v1", "c1"]) {
      assertEquals(await codeOf(() => snapshotter.prepare(key, "c1")), "E_EXISTS");
      assertEquals(await codeOf(() => snapshotter.view(key, "c1")), "E_EXISTS");
    }
    for (const parent of ["a1", "v1"]) {
      assertEquals(await codeOf(() => snapshotter.prepare("new", parent)), "E_USAGE");
      assertEquals(await codeOf(() => snapshotter.view("new", parent)), "E_USAGE");
    }
    assertEquals(await codeOf(() => snapshotter.prepare("new", "absent")), "E_NOT_FOUND");
    assertEquals(await codeOf(() => snapshotter.view("new", "absent")), "E_NOT_FOUND");
    assertEquals(snapshotter.walk().length, BASE.length);
  });

  test("Commit: its errors, and labels that are replaced", async (fixture) => {
    await baseSnapshots(fixture);
    const { snapshotter } = fixture;
    const code = (name: string, key: string, parent?: string | null) =>
      codeOf(() => snapshotter.commit(name, key, parent === undefined ? {} : { parent }));
    assertEquals(await code("c1", "a1"), "E_EXISTS");
    assertEquals(await code("v1", "a1"), "E_EXISTS");
    assertEquals(await code("new", "absent"), "E_NOT_FOUND");
    assertEquals(await code("new", "v1"), "E_PRECONDITION");
    assertEquals(await code("new", "c1"), "E_PRECONDITION");
    assertEquals(await code("new", "a1", "c1"), "E_USAGE");
    assertEquals(await code("new", "a1", null), "E_USAGE");
    await snapshotter.commit("new", "a1", { parent: "c2", labels: { x: "1", gone: "" } });
    assertEquals(snapshotter.stat("new").labels, { x: "1" });
    assertEquals(await code("newer", "a1"), "E_NOT_FOUND");
    assertEquals(await code("newest", "a2", null), "ok");
  });

  test("Update: all labels, some labels, nothing else", async (fixture) => {
    await baseSnapshots(fixture);
    const { snapshotter } = fixture;
    for (const [key, kind, parent] of BASE) {
      const { createdAt } = snapshotter.stat(key);
      const all = { l1: "v1", l2: "v2", l3: "v3", ...ROOTED };
      const first = await snapshotter.update(key, all);
      assertEquals([first.kind, first.parent, first.createdAt], [kind, parent, createdAt]);
      assert(first.updatedAt >= createdAt);
      assertEquals(first.labels, all);
      const some = { l1: "updated", l4: "v4" };
      const second = await snapshotter.update(key, some, ["labels.l1", "labels.l2"]);
      assertEquals(second.labels, { l1: "updated", l3: "v3", ...ROOTED });
      const third = await snapshotter.update(key, { l4: "v4", none: "" }, ["labels"]);
      assertEquals(third.labels, { l4: "v4" });
      for (const path of ["parent", "kind", "name", "labels.", "", "labelsx"]) {
        assertEquals(await codeOf(() => snapshotter.update(key, all, [path])), "E_USAGE");
      }
      assertEquals(snapshotter.stat(key), third);
    }
    assertEquals(await codeOf(() => snapshotter.update("absent", {})), "E_NOT_FOUND");
  });

  test("Update: labels with the names of built-in properties", async ({ snapshotter }) => {
    await snapshotter.prepare("k", null);
    const labels = JSON.parse('{"__proto__":"a","constructor":"b","hasOwnProperty":"c"}');
    await snapshotter.update("k", labels);
    const row = snapshotter.stat("k");
    assertEquals(JSON.stringify(row.labels), JSON.stringify(labels));
    assertEquals(snapshotter.walk(["labels.__proto__==a"]).length, 1);
    assertEquals(snapshotter.walk(["labels.toString"]).length, 0);
    await snapshotter.update("k", {}, ["labels.__proto__"]);
    assertEquals(Object.keys(snapshotter.stat("k").labels), ["constructor", "hasOwnProperty"]);
  });

  test("Remove: a key is free at once, a parent stays", async ({ snapshotter }) => {
    await snapshotter.prepare("committed-a", null);
    await snapshotter.commit("committed-1", "committed-a");
    await snapshotter.prepare("reuse-1", "committed-1");
    assertEquals(await codeOf(() => snapshotter.remove("committed-1")), "E_PRECONDITION");
    await snapshotter.remove("reuse-1");
    await snapshotter.view("reuse-1", "committed-1");
    assertEquals(await codeOf(() => snapshotter.remove("committed-1")), "E_PRECONDITION");
    await snapshotter.remove("reuse-1");
    await snapshotter.prepare("reuse-1", null);
    await snapshotter.remove("committed-1");
    await snapshotter.commit("committed-1", "reuse-1");
    assertEquals(await codeOf(() => snapshotter.remove("reuse-1")), "E_NOT_FOUND");
  });

  test("RemoveIntermediateSnapshot: from the top only", async (fixture) => {
    const { snapshotter, store } = fixture;
    await baseSnapshots(fixture);
    assertEquals(await codeOf(() => snapshotter.remove("c1")), "E_PRECONDITION");
    assertEquals(await codeOf(() => snapshotter.remove("c2")), "E_PRECONDITION");
    for (const key of ["a1", "v1", "c2", "c1", "a2", "v2"]) await snapshotter.remove(key);
    assertEquals(snapshotter.walk(), []);
    assertEquals(namesIn(`${store.root}/snapshots`), []);
    await snapshotter.cleanup();
    assertEquals(namesIn(`${store.root}/trash`), []);
  });

  test("Walk: filters", async ({ snapshotter }) => {
    const labels = (l?: string) => ({ labels: { ...ROOTED, ...(l === undefined ? {} : { l }) } });
    await snapshotter.prepare("a-np", null, labels());
    await snapshotter.prepare("p-tmp", null, labels());
    await snapshotter.commit("p", "p-tmp", labels());
    await snapshotter.prepare("a", "p", labels());
    await snapshotter.view("v", "p", labels());
    await snapshotter.prepare("p-wl-tmp", null, labels());
    await snapshotter.commit("p-wl", "p-wl-tmp", labels("1"));
    await snapshotter.prepare("a-wl", "p-wl", labels("2"));
    await snapshotter.view("v-wl", "p-wl", labels("3"));
    await snapshotter.prepare("a-np-wl", null, labels("2"));
    const keys = (...filters: string[]) => snapshotter.walk(filters).map(({ key }) => key);
    const rooted = 'labels."containerd.io/gc.root"==yes';
    assertEquals(keys(rooted), ["a", "a-np", "a-np-wl", "a-wl", "p", "p-wl", "v", "v-wl"]);
    assertEquals(keys(`kind==active,${rooted}`), ["a", "a-np", "a-np-wl", "a-wl"]);
    assertEquals(keys(`kind==view,${rooted}`), ["v", "v-wl"]);
    assertEquals(keys(`kind==committed,${rooted}`), ["p", "p-wl"]);
    assertEquals(keys("parent==p"), ["a", "v"]);
    assertEquals(keys("parent==p-wl"), ["a-wl", "v-wl"]);
    assertEquals(keys("labels.l"), ["a-np-wl", "a-wl", "p-wl", "v-wl"]);
    assertEquals(keys("labels.l==1"), ["p-wl"]);
    assertEquals(keys("labels.l==2"), ["a-np-wl", "a-wl"]);
    assertEquals(keys("name==a", "labels.l~=[13]"), ["a", "p-wl", "v-wl"]);
    assertEquals(await codeOf(() => snapshotter.walk(["kind=active"])), "E_USAGE");
  });

  test("StatInWalk: a snapshot can be read while all are listed", async (fixture) => {
    await baseSnapshots(fixture);
    const { snapshotter } = fixture;
    for (const row of snapshotter.walk()) assertEquals(snapshotter.stat(row.key), row);
    assertEquals(snapshotter.walk().map(({ key }) => key), BASE.map(([key]) => key));
  });

  test("CloseTwice: a store is disposed twice without harm", async ({ snapshotter, store }) => {
    await snapshotter.prepare("a", null);
    await snapshotter.commit("b", "a");
    await snapshotter.remove("b");
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    assertEquals(typeof store.root, "string");
  });

  test("Mounts: again the same, also after a restart; not of a committed one", async (fixture) => {
    const { snapshotter } = fixture;
    const { chainId } = await fixture.chain([[{ name: "a" }], [{ name: "b" }]]);
    const parent = snapshotter.ensureChain(chainId);
    const active = await snapshotter.prepare("a", parent);
    const view = await snapshotter.view("v", parent);
    assert(active.length > 0 && view.length > 0);
    const again = fixture.reopen();
    assertEquals(await again.mounts("a"), active);
    assertEquals(await again.mounts("v"), view);
    assertEquals(await codeOf(() => again.mounts(parent)), "E_PRECONDITION");
    assertEquals(await codeOf(() => again.mounts("absent")), "E_NOT_FOUND");
  });

  test("an abort leaves nothing, and rejects with the signal's reason", async (fixture) => {
    const { snapshotter, store } = fixture;
    const { chainId } = await fixture.chain([[{ name: "a" }], [{ name: "b" }]]);
    const parent = snapshotter.ensureChain(chainId);
    const reason = { why: "enough" };
    const signal = AbortSignal.abort(reason);
    const thrown = await snapshotter.prepare("a", parent, { signal }).catch((error) => error);
    assertStrictEquals(thrown, reason);
    assertEquals(await codeOf(() => snapshotter.stat("a")), "E_NOT_FOUND");
    assertEquals(namesIn(`${store.root}/snapshots`), []);
  });

  test("ensureChain: once for each chainID, and never under another's name", async (fixture) => {
    const { snapshotter } = fixture;
    const { chainId, diffIds } = await fixture.chain([[{ name: "a" }], [{ name: "b" }]]);
    assertEquals(snapshotter.ensureChain(chainId), chainId);
    const rows = snapshotter.walk();
    assertEquals(snapshotter.ensureChain(chainId), chainId);
    assertEquals(snapshotter.walk(), rows);
    assertEquals(rows.map(({ kind }) => kind), ["committed", "committed"]);
    const top = snapshotter.stat(chainId);
    assertEquals([top.parent, top.diffId], [String(diffIds[0]), diffIds[1]]);
    await snapshotter.remove(chainId);
    await snapshotter.prepare("impostor", top.parent);
    await snapshotter.commit(chainId, "impostor");
    assertEquals(await codeOf(() => snapshotter.ensureChain(chainId)), "E_EXISTS");
  });
}
