/** The modes of `deno task torture` that are not about one command. Each gives how many promises were broken. */
// deno-lint-ignore-file no-console
import { DISKS, needsBlockLog } from "../support/faults/block_log.ts";
import { bundleProgram } from "../support/faults/bundle.ts";
import { Stage } from "../support/faults/stage.ts";
import { buildSupervisor } from "../support/faults/supervisor.ts";
import { missing } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { playBounds } from "./bounds.ts";
import { killServed, NEEDS_CONTAINERD } from "./containerd.ts";
import { collectAt, COLLECTED, collectPoints, undisturbedByGc } from "./collect.ts";
import { findingText } from "./finding.ts";
import { cutPower } from "./power.ts";
import { useTogether } from "./processes.ts";
import { killAtRandom } from "./random.ts";
import { needsShutdown, SHUT_DOWN, shutDownDisks } from "./shutdown.ts";

/** What is asked for. */
export interface WholeOptions {
  readonly seed: number;
  /** Names of scenarios. */
  readonly verbs: readonly string[];
  /** Every so many calls. */
  readonly every: number;
  readonly at: number | undefined;
  /** How often the power is cut, on each file system. */
  readonly cuts: number;
  /** Names of the disks whose power is cut. */
  readonly disks: readonly string[];
  /** For how long processes use a store together. */
  readonly seconds: number;
  /** How often varve is killed behind containerd; containerd is killed half as often. */
  readonly kills: number;
  /** Number of random commands after each of which the bounds are looked at. */
  readonly verbsCount: number;
}

/** How many processes one round kills. */
const KILLS = 500;

/** How many processes use a store together in the end. */
const PROCESSES = 8;

/** The modes by their names. */
export const WHOLE: Readonly<Record<string, (options: WholeOptions) => Promise<number>>> = {
  power,
  shutdown,
  random,
  collect,
  processes,
  bounds,
  containerd,
};

/** Cuts the power on each file system, with and without durability. */
async function power({ seed, cuts, disks }: WholeOptions): Promise<number> {
  let count = 0;
  for (const disk of DISKS.filter(({ name }) => disks.includes(name))) {
    for (const durability of ["full", "none"] as const) {
      if (needsBlockLog(disk).ignore) continue;
      const { findings, lost, cuts: judged } = await cutPower(disk, { durability, cuts, seed });
      for (const line of findings) console.log(line);
      if (findings.length > 0) {
        const choice = `--seed ${seed} --cuts ${cuts} --disks ${disk.name}`;
        console.log(`  again: deno task torture --mode power ${choice} --once`);
      }
      const sums = `${judged} cuts after a command, ${lost} of them lost something`;
      console.log(
        `power: ${disk.name}, durability ${durability}: ${sums}, ${findings.length} findings`,
      );
      count += findings.length;
    }
  }
  return count;
}

/** Shuts file systems down before random calls, with and without durability. */
async function shutdown({ seed, cuts, disks }: WholeOptions): Promise<number> {
  await using supervisor = await buildSupervisor();
  await using temp = await tempDir("varve-bundle-");
  const program = await bundleProgram(temp.path);
  let count = 0;
  for (const disk of SHUT_DOWN.filter(({ name }) => disks.includes(name))) {
    for (const durability of ["full", "none"] as const) {
      if (needsShutdown(disk).ignore) continue;
      const options = { durability, cuts, seed };
      const { findings, lost, cuts: judged } = await shutDownDisks(
        disk,
        options,
        supervisor,
        program,
      );
      for (const line of findings) console.log(line);
      const sums = `${judged} cuts after a command, ${lost} of them lost something`;
      console.log(
        `shutdown: ${disk.name}, durability ${durability}: ${sums}, ${findings.length} findings`,
      );
      count += findings.length;
    }
  }
  return count;
}

async function random({ seed }: WholeOptions): Promise<number> {
  const found = await killAtRandom(KILLS, seed);
  for (const line of found) console.log(line);
  console.log(`random: seed ${seed}, ${KILLS} kills: ${found.length} findings`);
  return found.length;
}

/** Lets two to eight processes use one store together. */
async function processes({ seed, seconds }: WholeOptions): Promise<number> {
  const { findings, done, busy } = await useTogether({ seconds, seed, processes: PROCESSES });
  for (const line of findings) console.log(line);
  if (findings.length > 0) {
    const choice = `--seed ${seed} --seconds ${seconds}`;
    console.log(`  again: deno task torture --mode processes ${choice} --once`);
  }
  console.log(`processes: seed ${seed}, ${seconds} s: ${textOf(done)}, ${busy} busy`);
  console.log(`processes: ${findings.length} findings`);
  return findings.length;
}

/** Runs random commands, and looks after each for what is beyond roots, bounds and trash. */
async function bounds({ seed, verbsCount: commands }: WholeOptions): Promise<number> {
  const { findings, done, most } = await playBounds({ commands, seed });
  for (const line of findings) console.log(line);
  if (findings.length > 0) {
    const choice = `--seed ${seed} --verbs-count ${commands}`;
    console.log(`  again: deno task torture --mode bounds ${choice} --once`);
  }
  console.log(`bounds: seed ${seed}, ${textOf(done)}, ${most} bytes at most`);
  console.log(`bounds: ${findings.length} findings`);
  return findings.length;
}

/** Kills varve behind containerd, half of the times with an inherited socket; then containerd. */
async function containerd({ seed, kills }: WholeOptions): Promise<number> {
  const reasons = missing(NEEDS_CONTAINERD);
  if (reasons.length > 0) {
    console.log(`skipped: containerd needs ${reasons.join(", ")}`);
    return 0;
  }
  const half = Math.ceil(kills / 2);
  let count = 0;
  for (
    const [what, options] of [
      ["varve, its own socket", { victim: "varve", kills: half }],
      ["varve, an inherited socket", { victim: "varve", kills: kills - half, inherited: true }],
      ["containerd", { victim: "containerd", kills: half }],
    ] as const
  ) {
    if (options.kills === 0) continue;
    const begin = performance.now();
    const { findings, commands, failed } = await killServed({ ...options, seed });
    for (const line of findings) console.log(line);
    const seconds = Math.round((performance.now() - begin) / 1000);
    const sums = `${options.kills} kills, ${commands} commands, ${failed} of them cut`;
    console.log(
      `containerd: seed ${seed}, ${what}: ${sums}, ${findings.length} findings, ${seconds} s`,
    );
    count += findings.length;
  }
  if (count > 0) {
    console.log(
      `  again: deno task torture --mode containerd --seed ${seed} --kills ${kills} --once`,
    );
  }
  return count;
}

/** How many commands ran, as text. */
function textOf(done: Readonly<Record<string, number>>): string {
  const all = Object.values(done).reduce((sum, count) => sum + count, 0);
  const each = Object.entries(done).sort().map(([verb, count]) => `${count} ${verb}`).join(", ");
  return `${all} commands (${each})`;
}

/** Collects garbage before every so many calls of each command. */
async function collect({ seed, verbs, every, at }: WholeOptions): Promise<number> {
  await using supervisor = await buildSupervisor();
  await using temp = await tempDir("varve-bundle-");
  const program = await bundleProgram(temp.path);
  let count = 0;
  for (const scenario of COLLECTED.filter(({ name }) => verbs.includes(name))) {
    const { name, mounts = false, tools = [] } = scenario;
    if (missing({ root: mounts, mount: mounts, tools }).length > 0) continue;
    await using stage = await Stage.open(scenario, supervisor, { program });
    const undisturbed = await undisturbedByGc(stage);
    const points = collectPoints(undisturbed).filter((_, turn) =>
      every === 0 || turn % every === seed % every
    );
    let found = 0;
    for (const point of at === undefined ? points : [at]) {
      const what = await collectAt(stage, undisturbed, point);
      if (what.length === 0) continue;
      found++;
      const fault = { kind: "hook", at: point, command: "gc" } as const;
      console.log(findingText({ scenario: name, fault, seed, what }));
    }
    console.log(`${name}: collect: ${points.length} calls, ${found} findings`);
    count += found;
  }
  return count;
}
