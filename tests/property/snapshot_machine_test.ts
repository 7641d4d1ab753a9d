/** The state machine of snapshots against a plain model of containerd's rules, over random calls in both scopes. */
import { assertEquals } from "@std/assert";
import type { DiffId } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import * as machine from "../../lib/snapshot/machine.ts";
import { listSnapshots } from "../../lib/snapshot/list_snapshots.ts";
import { openMemoryStore, type SnapshotScope, type Store } from "../../lib/store/mod.ts";
import { type Prng, prng } from "../support/prng.ts";

const RUNS = 12, STEPS = 120;
const KEYS = ["a", "b", "c", "d", "e", "f"];
const LABELS = ["x", "y", "containerd.io/snapshot.ref"];
const LAYER = (n: number) => `sha256:${`${n}`.repeat(64)}` as DiffId;

/** A snapshot in the model. */
interface Plain {
  kind: "active" | "view" | "committed";
  parent: string | null;
  layer: DiffId | null;
  hasDirectory: boolean;
  labels: Record<string, string>;
  created: number;
  updated: number;
}

type Model = Map<string, Plain>;

/** The code of a call and, if it succeeds, its change of the model. */
interface Expected {
  readonly code: string;
  readonly change?: () => void;
}

/** A call: what the machine does, and what the model expects. */
interface Step {
  readonly says: string;
  readonly act: (store: Store) => void;
  readonly expected: (model: Model) => Expected;
}

const fails = (code: string): Expected => ({ code });
const does = (change: () => void): Expected => ({ code: "ok", change });

function without(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ""));
}

function stepOf(random: Prng, scope: SnapshotScope, now: number): Step {
  const pick = <T>(from: readonly T[]): T => random.pick(from);
  const labels = (): Record<string, string> =>
    Object.fromEntries(
      LABELS.filter(() => random.chance(0.4)).map((key) => [key, pick(["1", "2", ""])]),
    );
  const key = pick(KEYS), name = pick(KEYS), set = labels();
  const transact = (fn: Parameters<Store["snapshots"]["transact"]>[0]) => (store: Store) =>
    void store.snapshots.in(scope).transact(fn);
  switch (pick(["create", "create", "create", "commit", "commit", "remove", "update", "applied"])) {
    case "create": {
      const kind = pick(["active", "active", "view"] as const);
      const parent = pick([null, ...KEYS]);
      const cacheId = kind === "active" || parent === null ? now : null;
      return {
        says: `create ${kind} ${key} on ${parent}`,
        act: transact((table) =>
          machine.create(table, { key, kind, parent, cacheId, labels: set, now })
        ),
        expected: (model) => {
          if (parent !== null && !model.has(parent)) return fails("E_NOT_FOUND");
          if (parent !== null && model.get(parent)?.kind !== "committed") return fails("E_USAGE");
          if (model.has(key)) return fails("E_EXISTS");
          return does(() =>
            model.set(key, {
              ...{ kind, parent, layer: null, hasDirectory: cacheId !== null },
              ...{ labels: without(set), created: now, updated: now },
            })
          );
        },
      };
    }
    case "commit": {
      const parent = pick([undefined, undefined, null, ...KEYS]);
      return {
        says: `commit ${key} as ${name} on ${parent}`,
        act: transact((table) => machine.commit(table, { name, key, labels: set, parent, now })),
        expected: (model) => {
          const row = model.get(key);
          if (model.has(name)) return fails("E_EXISTS");
          if (row === undefined) return fails("E_NOT_FOUND");
          if (row.kind !== "active") return fails("E_PRECONDITION");
          let put = row.parent;
          if (parent !== undefined && parent !== row.parent) {
            if (parent === null || row.parent !== null) return fails("E_USAGE");
            if (!model.has(parent)) return fails("E_NOT_FOUND");
            if (model.get(parent)?.kind !== "committed") return fails("E_PRECONDITION");
            put = parent;
          }
          return does(() => {
            model.delete(key);
            model.set(name, {
              ...{ kind: "committed", parent: put, layer: row.layer },
              ...{ hasDirectory: row.hasDirectory, labels: without(set) },
              ...{ created: now, updated: now },
            });
          });
        },
      };
    }
    case "remove":
      return {
        says: `remove ${key}`,
        act: transact((table) => machine.remove(table, key)),
        expected: (model) => {
          if (!model.has(key)) return fails("E_NOT_FOUND");
          if ([...model.values()].some(({ parent }) => parent === key)) {
            return fails("E_PRECONDITION");
          }
          return does(() => model.delete(key));
        },
      };
    case "applied": {
      const layer = LAYER(pick([1, 2]));
      return {
        says: `apply ${layer.slice(7, 9)} to ${key}`,
        act: transact((table) => machine.applied(table, key, layer)),
        expected: (model) => {
          const row = model.get(key);
          if (row === undefined) return fails("E_NOT_FOUND");
          const isOther = row.layer !== null && row.layer !== layer;
          if (row.kind !== "active" || isOther) return fails("E_PRECONDITION");
          return does(() => model.set(key, { ...row, layer }));
        },
      };
    }
    default: {
      const paths = pick([[], ["labels"], ["labels.x"], ["labels.x", "labels.y"], ["kind"]]);
      return {
        says: `update ${key} ${paths}`,
        act: transact((table) => machine.update(table, key, set, paths, now)),
        expected: (model) => {
          const row = model.get(key);
          if (row === undefined) return fails("E_NOT_FOUND");
          if (paths.includes("kind")) return fails("E_USAGE");
          const all = paths.length === 0 || paths[0] === "labels";
          const next = all ? { ...set } : { ...row.labels };
          if (!all) { for (const path of paths) next[path.slice(7)] = set[path.slice(7)] ?? ""; }
          return does(() => model.set(key, { ...row, labels: without(next), updated: now }));
        },
      };
    }
  }
}

/** The rows of a scope, in the words of the model. */
function shown(store: Store, scope: SnapshotScope): [string, Plain][] {
  return store.snapshots.in(scope).read((table) => table.list()).map((row) => [row.key, {
    ...{ kind: row.kind, parent: row.parent, layer: row.diffId, labels: { ...row.labels } },
    ...{ hasDirectory: row.cacheId !== null, created: row.createdAt, updated: row.updatedAt },
  }]);
}

/** What an index finds must be what a look at every row finds. */
function sameByIndex(store: Store, scope: SnapshotScope, random: Prng): void {
  const snapshots = store.snapshots.in(scope);
  const parent = random.pick(KEYS);
  const rows = snapshots.read((table) => table.list());
  const keys = (filter: string) => listSnapshots(snapshots, [filter]).map(({ key }) => key);
  const where = (passes: (row: typeof rows[number]) => boolean) =>
    rows.filter(passes).map(({ key }) => key);
  assertEquals(keys(`parent==${parent}`), where((row) => row.parent === parent));
  assertEquals(keys('parent==""'), where((row) => row.parent === null));
  const ref = 'labels."containerd.io/snapshot.ref"==1';
  assertEquals(keys(ref), where((row) => row.labels["containerd.io/snapshot.ref"] === "1"));
}

Deno.test("random calls leave the rows that containerd's rules say, and each scope alone", () => {
  for (let run = 0; run < RUNS; run++) {
    const random = prng(run);
    const store = openMemoryStore();
    const models: Record<SnapshotScope, Model> = { "": new Map(), containerd: new Map() };
    const done: string[] = [];
    for (let now = 1; now <= STEPS; now++) {
      const scope = random.chance(0.5) ? "" : "containerd";
      const model = models[scope];
      const step = stepOf(random, scope, now);
      const expected = step.expected(model);
      let code = "ok";
      try {
        step.act(store);
      } catch (error) {
        if (!(error instanceof VarveError)) throw error;
        code = error.code;
      }
      done.push(`${scope} ${step.says}: ${code}`);
      assertEquals(code, expected.code, `run ${run}\n${done.join("\n")}`);
      expected.change?.();
      for (const each of ["", "containerd"] as const) {
        const wanted = [...models[each]].sort(([a], [b]) => a < b ? -1 : 1);
        assertEquals(shown(store, each), wanted, `run ${run}\n${done.join("\n")}`);
      }
      sameByIndex(store, scope, random);
    }
  }
});
