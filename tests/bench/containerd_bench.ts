/**
 * An image from an archive to a container's first output, by the real containerd and runc: with varve, and with containerd's
 * own overlayfs. Also the unpacking alone, beside `varve load` of the same file; blobs through Content.Read; the first
 * container of an image; and varve's memory.
 *
 * Root, and what builds the Debian image, are needed. Each run has new directories and daemons; runs take turns. CPU seconds
 * are those of containerd and varve together.
 */
// deno-lint-ignore-file no-console
import { createGrpcClient } from "../../lib/containerd/grpc/grpc_client.ts";
import { Snapshots } from "../../lib/containerd/proto/generated/snapshots_pb.ts";
import { Cli } from "../support/cli/cli.ts";
import { served } from "../support/containerd/served.ts";
import { cpuTimeOf } from "../support/machine/cpu_time.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { debianImage } from "../support/peers/debian.ts";
import { serveContainerdIn, type ServedContainerd } from "../support/peers/served_containerd.ts";
import { Control } from "./control.ts";
import { figure, timingOf } from "./harness.ts";
import { forgetPeak, memoryOf } from "./process_usage.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? 3);
/** Milliseconds after which an image that was unpacked is composed. */
const REST = 2_000;

/** Seconds by the clock, and CPU seconds. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

const costs = new Map<string, Cost[]>();
const values = new Map<string, number[]>();
const note = <Value>(all: Map<string, Value[]>, what: string, value: Value) =>
  void all.set(what, [...all.get(what) ?? [], value]);

const { oci } = await debianImage();
await warmClient();
const control = new Control();

/** Calls another daemon, so that the first calls of a daemon are measured without those of the client itself. */
async function warmClient(): Promise<void> {
  await using temp = await tempDir("varve-bench-", "/var/tmp");
  const args = ["--socket", temp.join("s"), "--containerd", temp.join("nobody")];
  await using _ = await served(temp.join("store"), { args });
  using client = await createGrpcClient(temp.join("s"));
  for (let i = 0; i < 50; i++) {
    await client.unary(Snapshots.method.prepare, { key: "bench/1/a" });
    await Array.fromAsync(client.stream(Snapshots.method.list, {}));
    await client.unary(Snapshots.method.remove, { key: "bench/1/a" });
  }
}

/** Notes what a piece of work costs. */
async function timed(what: string, served: ServedContainerd, work: () => Promise<unknown>) {
  const cpu = async () => await cpuTimeOf(served.pid) + await cpuTimeOf(served.containerd.pid);
  const before = await cpu(), start = performance.now();
  await work();
  const cost = { wall: (performance.now() - start) / 1000, cpu: (await cpu() - before) / 1000 };
  console.error(`${what}: ${cost.wall.toFixed(2)} s, CPU ${cost.cpu.toFixed(2)} s`);
  note(costs, what, cost);
}

/** Runs something with new daemons. */
async function fresh(
  work: (served: ServedContainerd, directory: string) => Promise<void>,
  starter?: (directory: string) => readonly string[],
): Promise<void> {
  await using temp = await tempDir("varve-bench-", "/var/tmp");
  await using served = await serveContainerdIn(temp.path, { starter: starter?.(temp.path) });
  await run(["sync", "-f", temp.path], { timeout: 300_000 });
  control.take();
  await work(served, temp.path);
  for (const container of (await served.text(["containers", "ls", "-q"])).split(/\s+/)) {
    if (container !== "") await served.text(["containers", "rm", container]);
  }
}

const imported = (served: ServedContainerd, snapshotter: string) =>
  served.text(["image", "import", "--snapshotter", snapshotter, oci]);

/** From the archive to the first output of a container. */
async function runOn(snapshotter: string): Promise<void> {
  await fresh((served) =>
    timed(`import and run, ${snapshotter}`, served, async () => {
      await imported(served, snapshotter);
      const name = (await served.text(["image", "ls", "-q"])).trim();
      const options = ["--rm", "--snapshotter", snapshotter, "--cgroup", ""];
      await served.text(["run", ...options, name, "one", "echo", "here"]);
    })
  );
}

/** The import alone; and of varve its memory, and the first Prepare after it. */
async function importOn(snapshotter: string): Promise<void> {
  await fresh(async (served, directory) => {
    if (snapshotter !== "varve") {
      return await timed(`import, ${snapshotter}`, served, () => imported(served, snapshotter));
    }
    using client = await createGrpcClient(`${directory}/varve.sock`);
    // The first call of all loads what calls need.
    await Array.fromAsync(client.stream(Snapshots.method.list, {}));
    note(values, "memory after start", (await memoryOf(served.pid)).now);
    await forgetPeak(served.pid);
    await timed(`import, ${snapshotter}`, served, () => imported(served, snapshotter));
    note(values, "memory while the image is applied", (await memoryOf(served.pid)).peak);
    const pages = await Array.fromAsync(client.stream(Snapshots.method.list, {}));
    const rows = pages.flatMap(({ info }) => info);
    const parent = rows.find(({ name }) => rows.every((row) => row.parent !== name))?.name ?? "";
    await new Promise((resolve) => setTimeout(resolve, REST));
    const start = performance.now();
    await client.unary(Snapshots.method.prepare, { key: "bench/1/a", parent });
    note(values, "first Prepare", performance.now() - start);
    await client.unary(Snapshots.method.remove, { key: "bench/1/a" });
  });
}

/** varve may not read containerd's files, so that the bytes come through its socket. */
async function importThroughSocket(): Promise<void> {
  const script = 'deny=$0; deno=$1; shift 3; exec "$deno" run -A "--deny-read=$deny" "$@"';
  await fresh(
    (served) => timed("import, varve by Content.Read", served, () => imported(served, "varve")),
    (directory) => ["sh", "-c", script, `${directory}/c-root`],
  );
}

async function importOnly(): Promise<void> {
  await fresh((served) =>
    timed(
      "import --no-unpack",
      served,
      () => served.text(["image", "import", "--no-unpack", oci]),
    )
  );
}

async function load(): Promise<void> {
  await using temp = await tempDir("varve-bench-", "/var/tmp");
  control.take();
  const varve = new Cli(temp.join("store"));
  const { stderr } = await run(
    ["/usr/bin/time", "-f", "%e %U %S", ...varve.command(["load", oci])],
    {
      env: varve.env,
      timeout: 300_000,
    },
  );
  const [wall = NaN, user = NaN, system = NaN] = (stderr.trim().split("\n").at(-1) ?? "")
    .split(" ").map(Number);
  console.error(`varve load: ${wall} s, CPU ${(user + system).toFixed(2)} s`);
  note(costs, "varve load", { wall, cpu: user + system });
}

for (let i = 0; i < RUNS; i++) {
  await runOn("varve");
  await runOn("overlayfs");
  await importOn("varve");
  await importOn("overlayfs");
  await importOnly();
  await load();
  await importThroughSocket();
}
await control.report();

const least = (what: string, of: keyof Cost) =>
  timingOf((costs.get(what) ?? []).map((cost) => cost[of])).least;
for (const [what] of costs) {
  figure(what, least(what, "wall"), "s");
  figure("  CPU of containerd and varve", least(what, "cpu"), "s");
}
const run1 = "import and run, ";
const ratio = (a: string, b: string, cost: keyof Cost) => least(a, cost) / least(b, cost);
figure(
  "import and run, faster than overlayfs",
  ratio(`${run1}overlayfs`, `${run1}varve`, "wall"),
  "×",
  { atLeast: 5 },
);
figure("  by CPU", ratio(`${run1}overlayfs`, `${run1}varve`, "cpu"), "×", { atLeast: 3.5 });
const unpack = (what: string, cost: keyof Cost) =>
  least(what, cost) - least("import --no-unpack", cost);
for (const cost of ["wall", "cpu"] as const) {
  const own = unpack("import, varve", cost);
  const by = cost === "cpu" ? "  by CPU" : "";
  figure(`the unpacking${by}`, own, "s");
  figure(`  faster than overlayfs${by}`, unpack("import, overlayfs", cost) / own, "×", {
    atLeast: 7,
  });
  figure(`  by varve load${by}`, own / least("varve load", cost), "×", { atMost: 1.3 });
  figure(
    `  through Content.Read by through files${by}`,
    unpack("import, varve by Content.Read", cost) / own,
    "×",
    { atMost: 2 },
  );
}
const median = (what: string) => timingOf(values.get(what) ?? []).median;
figure("first Prepare, 2 s after the unpacking", median("first Prepare"), "ms", { atMost: 20 });
figure("memory after start", median("memory after start"), "MiB", { atMost: 130 });
figure(
  "memory while the image is applied",
  median("memory while the image is applied"),
  "MiB",
  { atMost: 300 },
);
