/**
 * The layer pipeline beside the bare work (inflate, SHA-256 of what comes, of what comes out and of each
 * file, write) in the same run, with node:zlib and with libisal each against its own.
 *
 * `VARVE_BENCH_LAYOUT` names an OCI layout with one image of gzip layers; the Debian image otherwise.
 */
import { layerJob } from "../../lib/layer_job/internal.ts";
import { isalInflaters } from "../../lib/linux/internal.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { MAIN } from "../support/cli/cli.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { debianImage } from "../support/peers/debian.ts";
import { bareInWorkers } from "./bare_main.ts";
import { figure, timingOf } from "./harness.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? "3");
const LOAD_TO_BARE = 1.3;

const layout = Deno.env.get("VARVE_BENCH_LAYOUT") ?? (await debianImage()).layout;
const layers = await layersOf(layout);
const largest = layers.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0] as string;
await using temp = await tempDir("varve-bench-");
const inflaters: ("zlib" | "isal")[] = typeof isalInflaters() === "function"
  ? ["zlib", "isal"]
  : ["zlib"];

for (const inflater of inflaters) {
  const processes = await inTurn({
    bare: (directory) =>
      deno([
        "--config",
        new URL("../../deno.json", import.meta.url).pathname,
        new URL("./bare_main.ts", import.meta.url).pathname,
        inflater,
        directory,
        "2",
        ...layers,
      ]),
    load: (directory) => load(directory, inflater, "none"),
    full: (directory) => load(directory, inflater, "full"),
  });
  report(inflater, `bare work, ${layers.length} layers, two workers`, processes.bare);
  report(inflater, "load, durability none", processes.load);
  report(inflater, "load, durability full", processes.full);
  ratio(inflater, "load / bare work", processes.load / processes.bare, { atMost: LOAD_TO_BARE });
  ratio(inflater, "load with full / bare work", processes.full / processes.bare);

  const four = [largest, largest, largest, largest];
  const cores = await inTurn({
    limitOne: () => bareInWorkers([largest], null, inflater, 1),
    bareOne: (directory) => bareInWorkers([largest], directory, inflater, 1),
    one: (directory) => jobs([largest], directory, inflater, 1),
    oneOnTwo: (directory) => jobs([largest], directory, inflater, 2),
    limitFour: () => bareInWorkers(four, null, inflater, 2),
    four: (directory) => jobs(four, directory, inflater, 2),
  });
  report(inflater, "one layer, one thread", cores.one);
  report(inflater, "one layer, two threads", cores.oneOnTwo);
  report(inflater, "four layers, two workers", cores.four);
  ratio(inflater, "one layer, one thread / bare work", cores.one / cores.bareOne);
  ratio(inflater, "one layer, two threads as fast as one", cores.one / cores.oneOnTwo);
  ratio(inflater, "efficiency to hash and inflate, one layer", cores.limitOne / cores.one);
  ratio(inflater, "efficiency to hash and inflate, four on two", cores.limitFour / cores.four);
  ratio(inflater, "four layers on two, as fast as on one", 4 * cores.one / cores.four);
}

/** The least time of each in milliseconds; they take turns, so that all see the same machine. */
async function inTurn<K extends string>(
  what: Readonly<Record<K, (directory: string) => Promise<unknown>>>,
): Promise<Record<K, number>> {
  const names = Object.keys(what) as K[];
  const times = new Map<K, number[]>(names.map((name) => [name, []]));
  for (let i = 0; i < RUNS; i++) {
    for (const name of names) {
      const directory = temp.join(crypto.randomUUID());
      await Deno.mkdir(directory);
      await run(["sync", "-f", directory], { timeout: 600_000 });
      const start = performance.now();
      await what[name](directory);
      times.get(name)?.push(performance.now() - start);
      await Deno.remove(directory, { recursive: true });
    }
  }
  const least = names.map((name) => [name, timingOf(times.get(name) ?? []).least]);
  return Object.fromEntries(least) as Record<K, number>;
}

function report(inflater: string, name: string, time: number): void {
  figure(`${inflater}: ${name}`, time, "ms");
}

function ratio(inflater: string, name: string, value: number, bound = {}): void {
  figure(`${inflater}: ${name}`, value, "×", bound);
}

async function deno(args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  await run([Deno.execPath(), "run", "-A", "--no-check", ...args], { timeout: 600_000, env });
}

async function load(directory: string, inflater: string, durability: string): Promise<void> {
  await deno([MAIN, "load", layout, "--quiet"], {
    VARVE_ROOT: `${directory}/store`,
    VARVE_DURABILITY: durability,
    VARVE_INFLATE: inflater,
  });
}

async function jobs(
  sources: readonly string[],
  directory: string,
  inflater: "zlib" | "isal",
  workers: number,
): Promise<void> {
  await using pool = createPool({ workers });
  await Promise.all(sources.map((path, i) =>
    pool.run(layerJob, {
      source: { kind: "file", path, offset: 0, length: sizeOf(path) },
      target: {
        kind: "files",
        tar: `${directory}/tar-${i}`,
        tree: `${directory}/tree-${i}`,
        blob: null,
      },
      expected: {},
      inflater,
    })
  ));
}

function sizeOf(path: string): number {
  return Deno.statSync(path).size;
}

/** The gzip layers of a layout's first image. */
async function layersOf(path: string): Promise<string[]> {
  const blob = ({ digest }: { digest: string }) => `${path}/blobs/${digest.replace(":", "/")}`;
  const read = async (file: string) => JSON.parse(await Deno.readTextFile(file));
  const { manifests } = await read(`${path}/index.json`);
  const { layers } = await read(blob(manifests[0]));
  return layers.map(blob);
}
