import { assertEquals, assertThrows } from "@std/assert";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import type { SnapshotRow, SnapshotTable } from "../../../lib/store/mod.ts";
import * as machine from "../../../lib/snapshot/machine.ts";

/** A table of snapshots in memory. */
function tableOf(rows: readonly SnapshotRow[] = []): SnapshotTable {
  const map = new Map(rows.map((row) => [row.key, row]));
  return {
    scope: "",
    get: (key) => map.get(key),
    list: () => [...map.values()].sort((a, b) => a.key < b.key ? -1 : 1),
    hasChildren: (name) => [...map.values()].some(({ parent }) => parent === name),
    children: (name) => [...map.values()].filter(({ parent }) => parent === name),
    byRef: () => [],
    byLabel: () => [],
    byKind: () => [],
    usedParents: () => [],
    countUsed: () => 0,
    countKinds: () => ({ active: 0, view: 0, committed: 0 }),
    byCacheId: (id) => [...map.values()].find(({ cacheId }) => cacheId === id),
    put: (row) => void map.set(row.key, { ...row, scope: "" }),
    delete: (key) => void map.delete(key),
  };
}

function committed(key: string, parent: string | null, rest: Partial<SnapshotRow> = {}) {
  return {
    scope: "",
    key,
    kind: "committed",
    parent,
    cacheId: 1,
    diffId: null,
    labels: {},
    createdAt: 1,
    updatedAt: 1,
    usage: null,
    ...rest,
  } as const;
}

function code(act: () => unknown): string {
  return (assertThrows(act, VarveError) as VarveError).code;
}

const LAYER = `sha256:${"1".repeat(64)}` as DiffId;

Deno.test("create, commit, remove: what a row becomes", () => {
  const table = tableOf();
  const made = machine.create(table, {
    key: "a",
    kind: "active",
    parent: null,
    cacheId: 7,
    labels: { x: "1", y: "" },
    now: 5,
  });
  assertEquals(made, {
    scope: "",
    key: "a",
    kind: "active",
    parent: null,
    cacheId: 7,
    diffId: null,
    labels: { x: "1" },
    createdAt: 5,
    updatedAt: 5,
    usage: null,
  });
  const request = { name: "c", key: "a", labels: {}, parent: undefined, now: 9 };
  assertEquals(machine.commit(table, request), {
    ...made,
    key: "c",
    kind: "committed",
    labels: {},
    createdAt: 9,
    updatedAt: 9,
  });
  assertEquals(table.list().map(({ key }) => key), ["c"]);
  assertEquals(machine.remove(table, "c").cacheId, 7);
  assertEquals(table.list(), []);
});

Deno.test("a check changes nothing, and fails as the change would", () => {
  const rows = [committed("p", null), { ...committed("a", "p"), kind: "active" } as const];
  const table = tableOf(rows);
  assertEquals(machine.checkCreate(table, "n", "p", {}), [{ kind: "directory", cacheId: 1 }]);
  const request = { name: "n", key: "a", labels: {}, parent: "p", now: 2 };
  assertEquals(machine.checkCommit(table, request), rows[1]);
  assertEquals(code(() => machine.checkCommit(table, { ...request, name: "p" })), "E_EXISTS");
  assertEquals(code(() => machine.checkCommit(table, { ...request, key: "p" })), "E_PRECONDITION");
  assertEquals(code(() => machine.checkCommit(table, { ...request, parent: null })), "E_USAGE");
  assertEquals(code(() => machine.checkCommit(table, { ...request, name: "" })), "E_USAGE");
  assertEquals(code(() => machine.checkCreate(table, "a", null, {})), "E_EXISTS");
  assertEquals(code(() => machine.checkCreate(table, "n", "a", {})), "E_USAGE");
  assertEquals(code(() => machine.checkCreate(table, "n", "q", {})), "E_NOT_FOUND");
  assertEquals(table.list(), [rows[1], rows[0]]);
});

Deno.test("a commit may put a snapshot without parent on one, and no other", () => {
  const rows = [
    committed("p", null),
    { ...committed("a", null), kind: "active" } as const,
    { ...committed("b", "p"), kind: "active" } as const,
  ];
  const request = { name: "n", key: "a", labels: {}, now: 2 };
  const rebased = (parent: string | null | undefined) => {
    const table = tableOf(rows);
    return machine.commit(table, { ...request, parent }).parent;
  };
  assertEquals([rebased(undefined), rebased(null), rebased("p")], [null, null, "p"]);
  assertEquals(code(() => rebased("gone")), "E_NOT_FOUND");
  assertEquals(code(() => rebased("b")), "E_PRECONDITION");
  const table = tableOf(rows);
  const other = { ...request, key: "b" };
  assertEquals(code(() => machine.commit(table, { ...other, parent: "a" })), "E_USAGE");
  assertEquals(code(() => machine.commit(table, { ...other, parent: null })), "E_USAGE");
  const taken = { ...request, name: "p", parent: "gone" };
  assertEquals(code(() => machine.commit(table, taken)), "E_EXISTS");
  assertEquals(table.list(), [rows[1], rows[2], rows[0]]);
});

Deno.test("an active snapshot with a layer becomes the snapshot of that layer", () => {
  const table = tableOf([
    { ...committed("a", null, { cacheId: 7 }), kind: "active" } as const,
    committed("c", null),
  ]);
  const made = machine.applied(table, "a", LAYER);
  assertEquals([made.diffId, made.cacheId, made.updatedAt], [LAYER, 7, 1]);
  assertEquals(machine.applied(table, "a", LAYER), made);
  const other = LAYER.replaceAll("1", "2") as DiffId;
  assertEquals(code(() => machine.applied(table, "a", other)), "E_PRECONDITION");
  assertEquals(code(() => machine.applied(table, "c", LAYER)), "E_PRECONDITION");
  assertEquals(code(() => machine.applied(table, "x", LAYER)), "E_NOT_FOUND");
  const request = { name: "n", key: "a", labels: {}, parent: undefined, now: 2 };
  const row = machine.commit(table, request);
  assertEquals([row.key, row.kind, row.diffId, row.cacheId], ["n", "committed", LAYER, 7]);
  assertEquals(machine.ancestors(table, "n"), [{ kind: "layer", diffId: LAYER }]);
});

Deno.test("a layer's snapshot is made once, and never over another", () => {
  const table = tableOf();
  const layer = { name: "c", parent: null, diffId: LAYER, usage: { size: 1, inodes: 2 }, now: 3 };
  const made = machine.createLayer(table, layer);
  assertEquals([made.diffId, made.cacheId, made.usage], [LAYER, null, layer.usage]);
  assertEquals(machine.createLayer(table, { ...layer, now: 99 }), made);
  const other = { ...layer, diffId: LAYER.replaceAll("1", "2") as DiffId };
  assertEquals(code(() => machine.createLayer(table, other)), "E_EXISTS");
  assertEquals(code(() => machine.createLayer(table, { ...layer, parent: "p" })), "E_EXISTS");
  table.put(committed("d", null));
  assertEquals(code(() => machine.createLayer(table, { ...layer, name: "d" })), "E_EXISTS");
});

Deno.test("ancestors: topmost first, layers and directories", () => {
  const table = tableOf([
    committed("l", null, { cacheId: null, diffId: LAYER }),
    committed("d", "l", { cacheId: 4 }),
    committed("e", "d", { cacheId: 5 }),
  ]);
  assertEquals(machine.ancestors(table, "e"), [
    { kind: "directory", cacheId: 5 },
    { kind: "directory", cacheId: 4 },
    { kind: "layer", diffId: LAYER },
  ]);
  assertEquals(machine.ancestors(table, null), []);
});

Deno.test("I08: a tampered table does not make the walk endless", () => {
  const cycle = tableOf([committed("a", "b"), committed("b", "a")]);
  assertEquals(code(() => machine.ancestors(cycle, "a")), "E_DAMAGE");
  assertEquals(code(() => machine.checkCreate(cycle, "n", "a", {})), "E_DAMAGE");
  const rows = (length: number) =>
    tableOf(Array.from({ length }, (_, i) => committed(`${i}`, i === 0 ? null : `${i - 1}`)));
  const most = machine.MAX_DEPTH;
  assertEquals(machine.ancestors(rows(most), `${most - 1}`).length, most);
  assertEquals(code(() => machine.ancestors(rows(most + 1), `${most}`)), "E_DAMAGE");
  assertEquals(code(() => machine.ancestors(rows(10_000), "9999")), "E_DAMAGE");
  const odd = tableOf([
    committed("orphan", "gone"),
    committed("empty", null, { cacheId: null }),
    { ...committed("active", null), kind: "active" },
    committed("on active", "active"),
  ]);
  for (const key of ["orphan", "empty", "on active", "absent"]) {
    assertEquals(code(() => machine.ancestors(odd, key)), "E_DAMAGE");
  }
});

Deno.test("update follows the field mask", () => {
  const table = tableOf([committed("c", null, { labels: { a: "1", b: "2" } })]);
  const update = (labels: Record<string, string>, paths: string[]) =>
    machine.update(table, "c", labels, paths, 8).labels;
  assertEquals(update({ a: "9", z: "9" }, ["labels.a"]), { a: "9", b: "2" });
  assertEquals(update({}, ["labels.a"]), { b: "2" });
  assertEquals(update({ b: "" }, ["labels.b"]), {});
  assertEquals(update({ "x.y": "1", q: "" }, []), { "x.y": "1" });
  assertEquals(update({ "x.y": "2" }, ["labels.x.y"]), { "x.y": "2" });
  assertEquals(code(() => update({ k: "v" }, ["labels.k", "parent"])), "E_USAGE");
  assertEquals(machine.stat(table, "c").labels, { "x.y": "2" });
  assertEquals(machine.stat(table, "c").updatedAt, 8);
});
