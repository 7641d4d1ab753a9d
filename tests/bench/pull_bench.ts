/**
 * From a registry on loopback to a mounted tree, beside `load` and mount of the same image, and beside
 * the pulls of podman and containerd, which unpack, and the bare work. No peer syncs, so
 * `--durability none`. The best of three each (`VARVE_BENCH_RUNS`), in turn.
 *
 * Then from a network that is slow: how long the mount takes after the last byte came, and what several
 * connections bring. Then the memory of pulls (`VARVE_BENCH_GIB` for the large layer; 0 leaves them out).
 */
// deno-lint-ignore-file no-console
import { warmUpCompose } from "../../lib/compose/internal.ts";
import { isalInflaters } from "../../lib/linux/internal.ts";
import { mountImage } from "../../lib/mount/mod.ts";
import { createProgramPool } from "../../lib/pool/internal.ts";
import type { ProgramPullOptions } from "../../lib/registry/internal.ts";
import { loadClientConfig, pullImage, RegistryClient } from "../../lib/registry/mod.ts";
import { createSnapshotter, selectDriver } from "../../lib/snapshot/mod.ts";
import { openStore, readImage } from "../../lib/store/mod.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { startContainerd } from "../support/peers/containerd.ts";
import { dockerRegistry } from "../support/registry/docker_registry.ts";
import { figure, timingOf } from "./harness.ts";
import { layoutRegistry, type LayoutSpec } from "./layout_registry.ts";
import { bareWork, type Contender, engine } from "./mount_peers.ts";
import { noiseLayout } from "./noise_layout.ts";
import { compileProgram } from "../support/compile/program.ts";
import { type BenchImage, isHere, realImage } from "./real_images.ts";
import { report, type ResultRow } from "./results.ts";
import { inTurn } from "./turns.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? "3");
const GIB = Number(Deno.env.get("VARVE_BENCH_GIB") ?? "4");
const MB = 1e6;
const LONG = { timeout: 900_000 };
/** Most MiB of a process tree that pulls. */
const MEMORY = { atMost: 300 };

await using temp = await tempDir("varve-bench-", "/var/tmp");
const program = await compileProgram(temp.path);

/** Brings an image by a verb, and mounts it. */
function thenMount(...verb: string[]): Contender {
  return {
    run: async (directory) => {
      await Deno.mkdir(`${directory}/mnt`);
      const varve = program(`${directory}/store`);
      await varve.text([...verb, "--mount", `${directory}/mnt`]);
    },
  };
}

/** All that bring the image to a tree, from a registry that runs. */
async function contenders(image: BenchImage, name: string): Promise<Map<string, Contender>> {
  const all = new Map([
    ["varve load, mount", thenMount("load", image.layout, "--name", "example.org/app:1")],
    ["varve pull, mount", thenMount("pull", name)],
    [
      "bare work, from files",
      bareWork(image, typeof isalInflaters() === "function" ? "isal" : "zlib"),
    ],
  ]);
  if (await isHere("podman")) {
    all.set("podman pull", {
      run: (at) => {
        const storage = ["--root", `${at}/root`, "--runroot", `${at}/run`];
        const podman = ["podman", ...storage, "--storage-driver", "overlay"];
        return run([...podman, "pull", "--quiet", "--tls-verify=false", name], LONG);
      },
    });
  }
  if (await isHere("containerd")) {
    all.set("ctr image pull", {
      engine: async (at) => {
        const daemon = await startContainerd(at);
        return engine(daemon.ctr, daemon);
      },
      run: (_, daemon) =>
        run([...daemon?.client ?? [], "image", "pull", "--plain-http", name], LONG),
    });
  }
  return all;
}

async function contest(image: BenchImage): Promise<ResultRow[]> {
  await using registry = await dockerRegistry();
  const name = `${registry.host}/app:1`;
  const copy = ["skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"];
  await run([...copy, `oci:${image.layout}:${image.tag}`, `docker://${name}`], LONG);
  const times = await inTurn(await contenders(image, name), temp.path, RUNS);
  const time = (what: string) => times.get(what) ?? NaN;
  const own = time("varve pull, mount");
  figure("varve pull, mount / varve load, mount", own / time("varve load, mount"), "×", {
    atMost: 1.1,
  });
  for (const peer of ["podman pull", "ctr image pull"]) {
    if (times.has(peer)) {
      figure(`${peer} / varve pull, mount`, time(peer) / own, "×", { atLeast: 5 });
      figure(`${peer} / bare work`, time(peer) / time("bare work, from files"), "×");
    }
  }
  return [...times].map(([what, ms]) => ({ what, ms, "× varve pull": ms / own }));
}

/** What one pull in this process took. */
interface SlowPull {
  readonly pulled: number;
  readonly afterLastByte: number;
}

/** Pulls and mounts in this process, from a slow registry. */
async function pullSlowly(spec: LayoutSpec, connections?: number): Promise<SlowPull> {
  await using registry = await layoutRegistry(spec);
  const root = temp.join("slow");
  const target = temp.join("at");
  await Deno.mkdir(target, { recursive: true });
  try {
    await using store = await openStore({ root, durability: "none" });
    await using pool = createProgramPool();
    // As a program does that pulls in order to mount.
    pool.prepare("extract");
    const onIdle = () => warmUpCompose(pool);
    const snapshotter = createSnapshotter(store, { driver: selectDriver(store, { pool }) });
    const host = registry.name.replace(/\/.*/, "");
    using client = new RegistryClient(await loadClientConfig(host, "app"));
    const start = performance.now();
    const options: ProgramPullOptions = { client, pool, onIdle, connections };
    const { names: [name] } = await pullImage(store, registry.name, options);
    const pulled = performance.now() - start;
    const record = store.images.list().find((record) => record.name === name);
    if (record === undefined) throw new Error(`Cannot find ${name}: it was not pulled`);
    const image = await readImage(store, record);
    await using _ = await mountImage(store, image, target, { snapshotter });
    const ready = performance.timeOrigin + performance.now();
    return { pulled, afterLastByte: ready - await registry.lastByte() };
  } finally {
    await run(["sh", "-c", `umount "$1"/mounts/* || true`, "sh", root]);
    await Deno.remove(root, { recursive: true });
  }
}

async function slowly({ layout }: BenchImage): Promise<ResultRow[]> {
  const row = (what: string, { pulled, afterLastByte }: SlowPull): ResultRow => {
    console.error(`${what}: ${Math.round(pulled)} ms, then ${Math.round(afterLastByte)} ms`);
    return { what, "pull (ms)": pulled, "mounted after the last byte (ms)": afterLastByte };
  };
  const after: number[] = [];
  const rows: ResultRow[] = [];
  for (let i = 0; i < RUNS; i++) {
    const taken = await pullSlowly({ layout, all: 50 * MB });
    after.push(taken.afterLastByte);
    rows.push(row("50 MB/s", taken));
  }
  figure("mounted after the last byte, at 50 MB/s", timingOf(after).least, "ms", { atMost: 150 });
  const one = await pullSlowly({ layout, each: 20 * MB }, 1);
  const many = await pullSlowly({ layout, each: 20 * MB });
  rows.push(row("20 MB/s a connection, one each", one), row("20 MB/s a connection", many));
  figure("one connection a layer / several, at 20 MB/s each", one.pulled / many.pulled, "×", {
    atLeast: 1.5,
  });
  return rows;
}

/** Highest resident memory of a pull, in MiB. It starts no process, so its own is that of the tree. */
async function peakOf(name: string, atOnce: number, workers: number): Promise<number> {
  const root = temp.join("store");
  const command = program(root).command([
    "pull",
    name,
    "--quiet",
    "--concurrency",
    `${atOnce}`,
    "--workers",
    `${workers}`,
  ]);
  const env = { VARVE_ROOT: root, VARVE_DURABILITY: "none" };
  const { stderr } = await run(["/usr/bin/time", "-f", "%M kB", ...command], { ...LONG, env });
  await Deno.remove(root, { recursive: true });
  return Number(/(\d+) kB/.exec(stderr)?.[1]) / 1024;
}

async function memory(): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  const cores = navigator.hardwareConcurrency;
  const enter = async (what: string, spec: LayoutSpec, atOnce: number, workers = cores) => {
    await using registry = await layoutRegistry(spec);
    const peak = await peakOf(registry.name, atOnce, workers);
    const how = `${atOnce} at once, ${workers} workers`;
    figure(`peak of pull, ${what}, ${how}`, peak, "MiB", MEMORY);
    rows.push({ what, "layers at once": atOnce, workers, "peak (MiB)": peak });
  };
  const large = await noiseLayout(temp.join("large"), 1, GIB * 1024);
  await enter(`a layer of ${GIB} GiB`, { layout: large }, 4);
  await enter(`a layer of ${GIB} GiB, 60 MB/s a connection`, { layout: large, each: 60 * MB }, 2);
  await Deno.remove(large, { recursive: true });
  const many = await noiseLayout(temp.join("many"), 16, 96);
  for (const atOnce of [1, 4, 16]) {
    await enter("16 layers of 96 MiB", { layout: many }, atOnce);
    // As on a machine of any size.
    await enter("16 layers of 96 MiB", { layout: many }, atOnce, 4);
  }
  return rows;
}

const image = await realImage();
await report("pull_mounted", "From a registry on loopback to a mounted tree", await contest(image));
await report("pull_slow", "From a slow registry to a mounted tree", await slowly(image));
if (GIB > 0) await report("pull_memory", "Memory of pulls", await memory());
