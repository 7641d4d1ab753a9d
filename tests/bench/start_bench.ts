/**
 * What short commands cost: the start of the program is most of it.
 *
 * - `version`, `images`, `ls` and `layers` from the one file beside an empty program of the same Deno, and beside the
 *   least program that parses words and opens a database.
 * - `commit` of a change of one file, and `run --rm IMAGE true` beside podman and the bare runtime.
 * - Commands about one thing in a store with 10 and with 10,000 images, layers and snapshots.
 *
 * In CPU seconds, in turn. A ratio misses its bound only if the whole 95 % interval of its median lies beyond it.
 * Root, runc and podman are needed. `VARVE_BENCH_RUNS` is the number of rounds, `VARVE_BENCH_PARTS` names parts
 * (start, tables, containers).
 */
import { BOX, boxImage } from "../support/images/busybox_image.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { lazyBuiltins } from "../support/compile/lazy_builtins.ts";
import type { Cli } from "../support/cli/cli.ts";
import { run, runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { contest, type Contestant, costRatio, medianOf } from "./contest.ts";
import { figure } from "./harness.ts";
import { addRows } from "./many_rows.ts";
import { compileProgram } from "../support/compile/program.ts";
import { figureRatio } from "./ratio.ts";

const ROUNDS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? 30);
const FEW = 10, MANY = 10_000;

await using temp = await tempDir("varve-bench-", "/var/tmp");
const program = await compileProgram(temp.path);
const archive = temp.join("box.tar");
await Deno.writeFile(archive, archiveTar(ociFiles([await boxImage()])));
const varve = program(temp.join("store"));
await varve.text(["load", archive]);

const of = (cli: Cli, args: readonly string[], more: Partial<Contestant> = {}): Contestant => ({
  command: cli.command(args),
  env: cli.env,
  ...more,
});

async function benchStart(): Promise<void> {
  const [home = ""] = await Array.fromAsync(Deno.readDir(temp.join("cache/varve")), (d) => d.name);
  const unpacked = temp.join("cache/varve", home);
  await Deno.writeTextFile(temp.join("empty.js"), "");
  const floor = temp.join("floor.js");
  const source = new URL("start_floor.ts", import.meta.url).pathname;
  await run([Deno.execPath(), "bundle", "--quiet", "-o", floor, source]);
  await Deno.writeTextFile(floor, lazyBuiltins(await Deno.readTextFile(floor)));
  const flags = ["-A", "--quiet", "--no-config", "--no-lock", "--cached-only", "--no-prompt"];
  const plain = (...args: string[]): Contestant => ({
    command: [`${unpacked}/deno`, "run", ...flags, ...args],
    env: varve.env,
  });
  const { empty, ...others } = await contest({
    empty: plain(temp.join("empty.js")),
    "commander and a database": plain(floor, "--root", temp.join("store"), "images"),
    version: of(varve, ["version"]),
    images: of(varve, ["images"]),
    ls: of(varve, ["ls", BOX]),
    layers: of(varve, ["layers", BOX]),
  }, ROUNDS);
  figure("an empty program", medianOf(empty) * 1000, "ms");
  for (const [name, costs] of Object.entries(others)) {
    figure(name, medianOf(costs) * 1000, "ms");
    const bound = { atMost: START_BOUNDS[name] };
    figureRatio(`${name} to an empty program`, costRatio(costs, empty), bound);
  }
}

/** To an empty program. The goal is 2.5 for all: these bounds keep what was reached (BENCHMARKS.md). */
const START_BOUNDS: Readonly<Record<string, number>> = {
  version: 2.5,
  images: 6,
  ls: 6,
  layers: 6,
};

async function benchContainers(): Promise<void> {
  await varve.text(["snapshot", "prepare", "one", BOX]);
  const mounts: { options: string[] }[] = await varve.json(["snapshot", "mounts", "one"]);
  const options = mounts.flatMap((mount) => mount.options);
  const upper = options.find((option) => option.startsWith("upperdir="))?.slice(9);
  let round = 0;
  const change = () => Deno.writeTextFile(`${upper}/changed`, `${round++}`);
  const bundle = await runcBundle();
  const places = ["--root", temp.join("podman"), "--runroot", temp.join("run")];
  // Debian's crun refuses the hybrid cgroups of some machines.
  const podman = ["podman", "--runtime", "runc", ...places];
  await run([...podman, "load", "-i", archive], { timeout: 120_000 });
  const costs = await contest({
    commit: of(varve, ["commit", "one", "example.org/changed:1"], { before: change }),
    run: of(varve, ["run", "--rm", BOX, "--", "true"]),
    podman: { command: [...podman, "run", "--rm", "--network", "none", BOX, "true"] },
    runc: { command: ["runc", "run", "--bundle", bundle, `varve-bench-${Deno.pid}`] },
  }, ROUNDS);
  figure("commit of one file", medianOf(costs.commit) * 1000, "ms");
  for (const name of ["run", "podman", "runc"] as const) {
    figure(`${name}: true in a container, CPU`, medianOf(costs[name]) * 1000, "ms");
    figure(`${name}: true in a container, time`, medianOf(costs[name], "wall") * 1000, "ms");
  }
  figureRatio("run to podman, time", costRatio(costs.run, costs.podman, "wall"));
  await varve.text(["snapshot", "rm", "one"]);
  await runAny([...podman, "system", "reset", "--force"]);
}

/** A bundle of the same files for the bare runtime. */
async function runcBundle(): Promise<string> {
  const bundle = temp.join("bundle");
  await Deno.mkdir(bundle);
  await varve.text(["unpack", BOX, `${bundle}/rootfs`]);
  await run(["runc", "spec"], { cwd: bundle });
  const config = JSON.parse(await Deno.readTextFile(`${bundle}/config.json`));
  config.process.terminal = false;
  config.process.args = ["true"];
  await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(config));
  return bundle;
}

/** Commands about one thing, and the largest ratio of many rows to few; none where the cost is told only. */
const ABOUT_ONE: readonly (readonly [string, readonly string[], number?])[] = [
  ["layers", ["layers", BOX], 2],
  ["inspect", ["inspect", "many:7"], 2],
  ["tag", ["tag", "many:7", "new:1"], 2],
  ["rmi --no-gc", ["rmi", "--no-gc", "new:1"], 2],
  ["rmi", ["rmi", "new:1"], 2],
  ["layers by ID", ["layers", "ID"], 2],
  ["snapshot stat", ["snapshot", "stat", "many-7"], 2],
  ["ps", ["ps"], 2],
];

async function benchTables(): Promise<void> {
  const stores: Cli[] = [];
  for (const count of [FEW, MANY]) {
    const root = temp.join(`store-${count}`);
    await run(["cp", "-a", temp.join("store"), root]);
    addRows(root, count);
    stores.push(program(root));
  }
  const [few, many] = stores as [Cli, Cli];
  const { imageId } = await few.json(["inspect", BOX]);
  for (const [name, words, atMost] of ABOUT_ONE) {
    const args = words.map((word) => word === "ID" ? imageId : word);
    const pair = (cli: Cli) => {
      const isName = name.startsWith("rmi");
      return of(cli, args, { before: () => isName && cli.text(["tag", "many:7", "new:1"]) });
    };
    const rounds = atMost === undefined ? Math.ceil(ROUNDS / 3) : ROUNDS;
    const costs = await contest({ few: pair(few), many: pair(many) }, rounds);
    figure(`${name}, ${FEW} of each`, medianOf(costs.few) * 1000, "ms");
    const ratio = costRatio(costs.many, costs.few);
    figureRatio(`${name}, ${MANY} of each to ${FEW}`, ratio, { atMost });
  }
}

const PARTS = { start: benchStart, tables: benchTables, containers: benchContainers };
const wanted = Deno.env.get("VARVE_BENCH_PARTS")?.split(",") ?? Object.keys(PARTS);
for (const [name, bench] of Object.entries(PARTS)) if (wanted.includes(name)) await bench();
