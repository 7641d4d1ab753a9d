/**
 * What the calls of containerd cost in a store with 10 and with 10,000 snapshots, in turn, by CPU time: other processes
 * do not change it. Durability none, on a chain of 10 layers that is composed.
 *
 * Root and mounts of image files are needed.
 */
import process from "node:process";
import { type SnapshotFixture, snapshotFixture } from "../support/snapshots/snapshot_fixture.ts";
import { figure } from "./harness.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? 400);
const LAYERS = 10, FEW = 10, MANY = 10_000;
/** The largest median, in ms, and the largest ratio of many snapshots to few. */
const BOUNDS = { prepare: 5, extract: 5, mounts: 3, stat: 3, list: 3, commit: 3, remove: 5 };
const RATIO = 1.5;

type Call = keyof typeof BOUNDS;

/** A store with a composed chain, and other snapshots on it. */
async function storeOf(rows: number): Promise<SnapshotFixture & { readonly parent: string }> {
  const fixture = await snapshotFixture("erofs", { scope: "containerd" });
  const { snapshotter, store } = fixture;
  const layers = Array.from({ length: LAYERS }, (_, i) => [{ name: `file-${i}` }]);
  const { diffIds } = await fixture.chain(layers);
  let parent: string | null = null;
  for (const [i, diffId] of diffIds.entries()) {
    await snapshotter.prepare("x", parent, { extract: true });
    await snapshotter.applied("x", diffId);
    await snapshotter.commit(`c${i}`, "x");
    parent = `c${i}`;
  }
  store.snapshots.in("containerd").transact((table) => {
    const rest = { parent, cacheId: null, diffId: null, usage: null, createdAt: 1, updatedAt: 1 };
    for (let i = 0; i < rows; i++) {
      const labels = { "containerd.io/snapshot.ref": `ref-${i}` };
      table.put({ ...rest, key: `row/${i}`, kind: "view", labels });
    }
  });
  return { ...fixture, parent: parent as string };
}

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const times = new Map<string, number[]>();

async function timed(call: Call, rows: number, act: () => unknown): Promise<void> {
  const name = `${call} ${rows}`;
  const start = cpu();
  await act();
  const all = times.get(name) ?? [];
  times.set(name, all);
  all.push(cpu() - start);
}

async function once(fixture: SnapshotFixture & { readonly parent: string }, rows: number) {
  const { snapshotter, parent } = fixture;
  await timed("prepare", rows, () => snapshotter.prepare("a", parent));
  await timed("mounts", rows, () => snapshotter.mounts("a"));
  await timed("stat", rows, () => snapshotter.stat("a"));
  const filter = `labels."containerd.io/snapshot.ref"==ref-7,parent==${parent}`;
  await timed("list", rows, () => snapshotter.walk([filter]));
  await timed("commit", rows, () => snapshotter.commit("c", "a"));
  await snapshotter.cleanup();
  await timed("extract", rows, () => snapshotter.prepare("b", parent, { extract: true }));
  await timed("remove", rows, () => snapshotter.remove("b"));
  await snapshotter.remove("c");
  await snapshotter.cleanup();
}

await using few = await storeOf(FEW);
await using many = await storeOf(MANY);
for (let i = 0; i < RUNS; i++) {
  if (i === Math.floor(RUNS / 4)) times.clear(); // The code is warm now.
  await once(few, FEW);
  await once(many, MANY);
}

function medianOf(name: string): number {
  const sorted = (times.get(name) ?? []).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

for (const call of Object.keys(BOUNDS) as Call[]) {
  const at = medianOf(`${call} ${FEW}`), after = medianOf(`${call} ${MANY}`);
  figure(`${call}, ${MANY} snapshots`, after, "ms", { atMost: BOUNDS[call] });
  figure(`${call}, ${MANY} snapshots by ${FEW}`, after / at, "times", { atMost: RATIO });
}
