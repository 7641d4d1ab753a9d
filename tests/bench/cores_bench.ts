/**
 * A load with a mount of one large layer, on one core and on more, in turn: how far the job of one layer scales. Half of
 * the CPU seconds is the least that two cores allow. `VARVE_BENCH_PAIRS` is the number of rounds.
 */
import { run, runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { compileProgram } from "../support/compile/program.ts";
import { figure, timingOf } from "./harness.ts";
import { type Usage, usageOf } from "./process_usage.ts";
import { figureRatio, ratioOf } from "./ratio.ts";
import { realImage } from "./real_images.ts";

const ROUNDS = Number(Deno.env.get("VARVE_BENCH_PAIRS") ?? "30");
const CORES = [1, 2, 4].filter((count) => count <= navigator.hardwareConcurrency);

await using temp = await tempDir("varve-bench-", "/var/tmp");
const program = await compileProgram(temp.path);
const archive = await oneLayer();

/** The files of the real image in an archive of one layer. */
async function oneLayer(): Promise<string> {
  const varve = program(temp.join("source"));
  await varve.text(["load", (await realImage()).layout, "--name", "example.org/many:1"]);
  await varve.text(["squash", "example.org/many:1", "example.org/one:1"]);
  const path = temp.join("one.tar");
  await varve.text(["save", "example.org/one:1", "--compression", "gzip", "-o", path]);
  return path;
}

/** A load with a mount on the first cores, in an empty store. */
async function load(cores: number): Promise<Usage> {
  const at = temp.join(crypto.randomUUID());
  await Deno.mkdir(`${at}/mnt`, { recursive: true });
  await run(["sync", "-f", temp.path]);
  const varve = program(`${at}/store`, { env: { VARVE_DURABILITY: "none" } });
  const command = varve.command(["load", archive, "--mount", `${at}/mnt`]);
  const pinned = ["taskset", "-c", `0-${cores - 1}`, ...command];
  const usage = await usageOf(pinned, { env: varve.env });
  await runAny(["sh", "-c", 'umount "$1/mnt"; umount "$1"/store/mounts/*', "sh", at]);
  await Deno.remove(at, { recursive: true });
  return usage;
}

const usages = new Map<number, Usage[]>(CORES.map((cores) => [cores, []]));
for (let round = -1; round < ROUNDS; round++) {
  for (const cores of round % 2 === 0 ? CORES : CORES.toReversed()) {
    const usage = await load(cores);
    // The first round warms up.
    if (round >= 0) usages.get(cores)?.push(usage);
  }
}
const values = (cores: number, kind: "cpu" | "wall") =>
  (usages.get(cores) ?? []).map((usage) => usage[kind]);
for (const cores of CORES) {
  const name = `one layer on ${cores} ${cores === 1 ? "core" : "cores"}`;
  figure(`${name}: CPU`, timingOf(values(cores, "cpu")).median, "s");
  figure(`${name}: wall`, timingOf(values(cores, "wall")).median, "s");
  if (cores === 1) continue;
  figureRatio(`${name} to one core, wall`, ratioOf(values(cores, "wall"), values(1, "wall")));
  const least = values(cores, "cpu").map((cpu) => cpu / cores);
  figureRatio(`${name} to its CPU by ${cores}`, ratioOf(values(cores, "wall"), least));
}
