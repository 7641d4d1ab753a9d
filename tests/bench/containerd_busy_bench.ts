/**
 * varve under load, behind the real containerd: how long a Stat takes while layers are applied and while a large snapshot is
 * measured, how soon a large one is removed, and 200 containers at once.
 *
 * Root, and what builds the Debian image, are needed.
 */
import { createGrpcClient } from "../../lib/containerd/grpc/grpc_client.ts";
import { Snapshots } from "../../lib/containerd/proto/generated/snapshots_pb.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { debianImage } from "../support/peers/debian.ts";
import { serveContainerdIn } from "../support/peers/served_containerd.ts";
import { Control } from "./control.ts";
import { figure, timingOf } from "./harness.ts";
import { exactCpuTimeOf, mainThreadTimeOf } from "./process_usage.ts";

const FILES = 100_000, A_DIRECTORY = 1000, CONTAINERS = 200, REMOVALS = 3;
/** The longest time of a call that others may cause, in ms. */
const MOST = 20;
const method = Snapshots.method;

const { oci } = await debianImage();
await using temp = await tempDir("varve-bench-", "/var/tmp");
await using served = await serveContainerdIn(temp.path);
using client = await createGrpcClient(temp.join("varve.sock"));
const control = new Control();

/**
 * Asks for a snapshot again and again while something goes on, and prints how long that takes: by the clock, and how long
 * the thread that answers worked meanwhile. The latter does not grow when other processes have the cores: it is what other
 * work of this thread costs a call.
 */
async function statsDuring(what: string, work: Promise<unknown>): Promise<void> {
  const wall: number[] = [], own: number[] = [];
  let isDone = false;
  const done = work.finally(() => isDone = true);
  while (!isDone) {
    const before = await mainThreadTimeOf(served.pid), start = performance.now();
    await client.unary(method.stat, { key: "bench/1/asked" });
    wall.push(performance.now() - start);
    own.push(await mainThreadTimeOf(served.pid) - before);
  }
  await done;
  figure(`Stat while ${what}, p99 of ${wall.length}`, p99(wall), "ms", { atMost: MOST });
  figure("  median", timingOf(wall).median, "ms");
  figure("  work of the thread that answers, p99", p99(own), "ms", { atMost: MOST });
}

function p99(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? NaN;
}

await client.unary(method.prepare, { key: "bench/1/asked" });
for (let i = 0; i < 200; i++) await client.unary(method.stat, { key: "bench/1/asked" });
control.take();
const importing = served.text(["image", "import", "--snapshotter", "varve", oci]);
await statsDuring("two layers are applied", importing);
control.take();
const pages = await Array.fromAsync(client.stream(method.list, {}));
const rows = pages.flatMap(({ info }) => info);
const parent = rows.filter(({ name }) => !name.startsWith("bench/"))
  .find(({ name }) => rows.every((row) => row.parent !== name))?.name ?? "";
await client.unary(method.prepare, { key: "bench/2/first", parent });

const removals: number[] = [], cpu: number[] = [];
for (let i = 0; i < REMOVALS; i++) {
  const key = `bench/3/large-${i}`;
  const { mounts } = await client.unary(method.prepare, { key, parent });
  const upper = mounts[0]?.options.find((option) => option.startsWith("upperdir="))?.slice(9);
  for (let at = 0; at < FILES; at += A_DIRECTORY) {
    Deno.mkdirSync(`${upper}/${at}`);
    for (let k = 0; k < A_DIRECTORY; k++) Deno.createSync(`${upper}/${at}/${k}`).close();
  }
  if (i === 0) {
    control.take();
    await statsDuring(`${FILES} files are measured`, client.unary(method.usage, { key }));
  }
  const before = await exactCpuTimeOf(served.pid), start = performance.now();
  await client.unary(method.remove, { key });
  removals.push(performance.now() - start);
  cpu.push(await exactCpuTimeOf(served.pid) - before);
  await client.unary(method.cleanup, {});
}
control.take();
figure(`Remove of ${FILES} files answers, median`, timingOf(removals).median, "ms", {
  atMost: MOST,
});
figure("  CPU of varve meanwhile", timingOf(cpu).median, "ms");

const start = performance.now();
await Promise.all(Array.from({ length: CONTAINERS }, async (_, i) => {
  const key = `bench/4/${i}`;
  await client.unary(method.prepare, { key, parent });
  await client.unary(method.mounts, { key });
  await client.unary(method.remove, { key });
}));
figure(`${CONTAINERS} at once: Prepare, Mounts, Remove, no error`, performance.now() - start, "ms");
await control.report();
