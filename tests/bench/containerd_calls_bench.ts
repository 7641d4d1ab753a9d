/**
 * What containerd's calls of the snapshotter cost over the socket of `varve serve`: in a store with 10 snapshots, and in one
 * with 10,000 snapshots whose daemon sees 1,000 mounts, in turn. Durability none, on a chain of 10 layers that is composed.
 *
 * The daemon is the program in the form that is installed. Each has a mount namespace of its own. Root and mounts of image files are needed.
 */
import { createGrpcClient, type GrpcClient } from "../../lib/containerd/grpc/grpc_client.ts";
import { Snapshots } from "../../lib/containerd/proto/generated/snapshots_pb.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { createSnapshotter, selectDriver } from "../../lib/snapshot/mod.ts";
import { openStore } from "../../lib/store/mod.ts";
import { type Served, served } from "../support/containerd/served.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { bringChain } from "../support/snapshots/snapshot_fixture.ts";
import { Control } from "./control.ts";
import { figure, timingOf } from "./harness.ts";
import { exactCpuTimeOf } from "./process_usage.ts";
import { compileProgram } from "../support/compile/program.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? 400);
const LAYERS = 10;
/** Snapshots of the two stores, and mounts that their daemons see. */
const FEW = { rows: 10, mounts: 10 }, MANY = { rows: 10_000, mounts: 1000 };
/** The largest median over the socket, in ms; and the largest ratio of many snapshots to few. */
const BOUNDS = { prepare: 5, extract: 5, mounts: 3, stat: 3, list: 3, commit: 3, remove: 5 };
const RATIO = 1.5;

type Call = keyof typeof BOUNDS;
const method = Snapshots.method;

/** Longest time from the start of a daemon to its first answer, in ms. */
const START = 500, STARTS = 5;

/** A store that a daemon serves. */
interface Target {
  readonly rows: number;
  readonly root: string;
  readonly daemon: Served;
  readonly parent: string;
  readonly pid: number;
  readonly client: GrpcClient;
  /** By call: milliseconds over the socket, and CPU milliseconds of the daemon. */
  readonly wall: Map<Call, number[]>;
  readonly cpu: Map<Call, number[]>;
}

/** Fills a store with containers' snapshots on one chain; gives the name of their parent. */
async function fill(root: string, rows: number): Promise<string> {
  await using store = await openStore({ root, durability: "none" });
  await using pool = createPool({ inline: true });
  const snapshotter = createSnapshotter(store, {
    driver: selectDriver(store, { pool, wanted: "erofs" }),
    scope: "containerd",
    later: true,
  });
  const layers = Array.from({ length: LAYERS }, (_, i) => [{ name: `file-${i}` }]);
  const { diffIds } = await bringChain(store, pool, layers);
  let parent: string | null = null;
  for (const [i, diffId] of diffIds.entries()) {
    await snapshotter.prepare("x", parent, { extract: true });
    await snapshotter.applied("x", diffId);
    await snapshotter.commit(`default/${i}/sha256:${i}`, "x");
    parent = `default/${i}/sha256:${i}`;
  }
  for (let i = 0; i < rows; i++) {
    const labels = { "containerd.io/snapshot.ref": `ref-${i}` };
    await snapshotter.prepare(`default/${100 + i}/row-${i}`, parent, { labels });
  }
  await snapshotter.cleanup();
  return parent as string;
}

await using stack = new AsyncDisposableStack();
const program = await compileProgram(stack.use(await tempDir("varve-bench-")).path);

async function start({ rows, mounts }: typeof FEW): Promise<Target> {
  const temp = stack.use(await tempDir("varve-bench-", "/var/tmp"));
  const root = temp.join("store");
  const parent = await fill(root, rows);
  for (const name of ["a", "b"]) await Deno.mkdir(temp.join(name));
  const mount = `i=0; while [ $i -lt ${mounts} ]; do
    mkdir -p "$0/mounted/$i"; mount -t overlay overlay -o "lowerdir=$0/a:$0/b" "$0/mounted/$i"; i=$((i+1))
  done; exec "$@"`;
  const daemon = stack.use(
    await served(root, {
      program,
      args: ["--socket", temp.join("s"), "--containerd", temp.join("nobody")],
      starter: ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, temp.path],
    }),
  );
  const client = stack.use(await createGrpcClient(temp.join("s")));
  return { rows, root, parent, daemon, pid: daemon.pid, client, wall: new Map(), cpu: new Map() };
}

/** Milliseconds from the start of a daemon to its first answer, after one that was killed. */
async function startAfterKill({ root, parent }: Target): Promise<number> {
  await using temp = await tempDir("varve-bench-");
  const args = ["--socket", temp.join("s"), "--containerd", temp.join("nobody")];
  const answer = async () => {
    using client = await createGrpcClient(temp.join("s"));
    await client.unary(method.stat, { key: parent });
  };
  const killed = await served(root, { program, args });
  await answer();
  await killed.end("SIGKILL");
  const start = performance.now();
  await using _ = await served(root, { program, args });
  await answer();
  return performance.now() - start;
}

async function timed(target: Target, call: Call, act: () => Promise<unknown>): Promise<void> {
  const before = await exactCpuTimeOf(target.pid);
  const start = performance.now();
  await act();
  const time = performance.now() - start;
  const cpu = await exactCpuTimeOf(target.pid) - before;
  for (const [all, value] of [[target.wall, time], [target.cpu, cpu]] as const) {
    all.set(call, [...all.get(call) ?? [], value]);
  }
}

async function once(target: Target): Promise<void> {
  const { client, parent } = target;
  const ref = "containerd.io/snapshot.ref";
  await timed(target, "prepare", () => client.unary(method.prepare, { key: "d/1/a", parent }));
  await timed(target, "mounts", () => client.unary(method.mounts, { key: "d/1/a" }));
  await timed(target, "stat", () => client.unary(method.stat, { key: "d/1/a" }));
  const filters = [`labels."${ref}"==ref-7,parent==${JSON.stringify(parent)}`];
  await timed(target, "list", () => Array.fromAsync(client.stream(method.list, { filters })));
  await timed(target, "commit", () => client.unary(method.commit, { key: "d/1/a", name: "d/2/c" }));
  await client.unary(method.cleanup, {});
  const key = `d/3/extract-1-a sha256:${"0".repeat(64)}`;
  await timed(target, "extract", () => client.unary(method.prepare, { key, parent }));
  await timed(target, "remove", () => client.unary(method.remove, { key }));
  await client.unary(method.remove, { key: "d/2/c" });
  await client.unary(method.cleanup, {});
}

const control = new Control();
const few = await start(FEW), many = await start(MANY);
for (let i = 0; i < RUNS; i++) {
  if (i % Math.ceil(RUNS / 8) === 0) control.take();
  if (i === Math.floor(RUNS / 4)) { // The code is warm now.
    for (const { wall, cpu } of [few, many]) {
      wall.clear();
      cpu.clear();
    }
  }
  await once(few);
  await once(many);
}
await control.report();
for (const target of [few, many]) {
  target.client[Symbol.dispose]();
  await target.daemon.end("SIGTERM");
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) times.push(await startAfterKill(target));
  const what = `start to the first answer after kill -9, ${target.rows} snapshots`;
  figure(what, timingOf(times).median, "ms", { atMost: START });
}

for (const call of Object.keys(BOUNDS) as Call[]) {
  const median = (values: Target["wall"]) => timingOf(values.get(call) ?? []).median;
  figure(`${call}, ${FEW.rows} snapshots`, median(few.wall), "ms", { atMost: BOUNDS[call] });
  figure(`${call}, ${MANY.rows} snapshots`, median(many.wall), "ms", { atMost: BOUNDS[call] });
  figure(`  by those of ${FEW.rows}`, median(many.wall) / median(few.wall), "times", {
    atMost: RATIO,
  });
  figure(`  CPU of varve, ${FEW.rows} snapshots`, median(few.cpu), "ms");
  figure(`  CPU of varve, ${MANY.rows} snapshots`, median(many.cpu), "ms");
}
