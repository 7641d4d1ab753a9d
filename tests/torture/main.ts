/**
 * `deno task torture [--seed N] [--verbs LIST] [--mode MODE] [--every K] [--at N]`: disturbs commands without end, and
 * prints each broken promise with the command that repeats it. One round tries every K-th call of every command; the
 * next round begins at the next call, and takes other errors. `--every 0` tries each call; all others take a run of
 * writes to one file as one call. With `--once` it ends after one round; with `--at`, after one call.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { DISKS } from "../support/faults/block_log.ts";
import { SCENARIOS } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import { bundleProgram } from "../support/faults/bundle.ts";
import { useBundledWorkers } from "../support/machine/bundled_workers.ts";
import { buildSupervisor, type Supervisor } from "../support/faults/supervisor.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { missing } from "../support/machine/needs.ts";
import { COLLECTED } from "./collect.ts";
import { errnoFault, failAt, otherDrivers } from "./errno.ts";
import { type Choice, type Finding, findingText, pointsOf } from "./finding.ts";
import { orderOf } from "./order_of.ts";
import { killAll, killAt } from "./kill.ts";
import { WHOLE, type WholeOptions } from "./whole.ts";

/** What is asked for. */
interface Options extends Choice, WholeOptions {
  readonly seed: number;
  readonly every: number;
  readonly modes: readonly string[];
  readonly once: boolean;
  /** Directory on the disk that is to be used. */
  readonly dir: string | undefined;
}

/** Disturbs one command in one way; gives what it finds as it goes, and at the end what it did in words. */
type Mode = (stage: Stage, options: Options) => AsyncGenerator<Finding, string>;

const MODES: Readonly<Record<string, Mode>> = { kill: kills, errno: errors, order: orders };

const ALL_MODES: readonly string[] = [...Object.keys(MODES), ...Object.keys(WHOLE)];

/** Names of all scenarios. */
const VERBS = [...new Set([...SCENARIOS, ...COLLECTED].map(({ name }) => name))];

async function* kills(stage: Stage, options: Options): AsyncGenerator<Finding, string> {
  const undisturbed = await stage.undisturbed();
  const points = options.at === undefined ? pointsOf(undisturbed.calls, options) : [options.at];
  const finding = (at: number, what: readonly string[]): Finding => {
    const fault = { kind: "kill", at } as const;
    return { scenario: stage.scenario.name, fault, seed: options.seed, what };
  };
  if (options.at === undefined) {
    for await (const { at, what } of killAll(stage, undisturbed, points)) {
      if (what.length > 0) yield finding(at, what);
    }
  } else {
    // A single call is tried as it is.
    const what = await killAt(stage, undisturbed, options.at) ?? [];
    if (what.length > 0) yield finding(options.at, what);
  }
  return `${undisturbed.calls.length} calls, ${points.length} kills`;
}

async function* errors(stage: Stage, options: Options): AsyncGenerator<Finding, string> {
  const undisturbed = await stage.undisturbed(true);
  const others = await otherDrivers(stage);
  const { calls } = undisturbed;
  const points = options.at === undefined ? pointsOf(calls, options) : [options.at];
  for (const call of points.map((at) => calls[at - 1])) {
    if (call === undefined) continue;
    const fault = errnoFault(call, options.seed);
    const what = await failAt(stage, undisturbed, fault, others);
    if (what.length > 0) yield { scenario: stage.scenario.name, fault, seed: options.seed, what };
  }
  return `${calls.length} calls, ${points.length} of them failed`;
}

async function* orders(stage: Stage, { seed }: Options): AsyncGenerator<Finding, string> {
  const what = await orderOf(stage);
  if (what.length > 0) yield { scenario: stage.scenario.name, fault: undefined, seed, what };
  return "the order of its calls";
}

function parse(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "0" },
      every: { type: "string", default: "1" },
      verbs: { type: "string", default: VERBS.join(",") },
      mode: { type: "string", default: ALL_MODES.join(",") },
      at: { type: "string" },
      cuts: { type: "string", default: "100" },
      seconds: { type: "string", default: "300" },
      kills: { type: "string", default: "200" },
      "verbs-count": { type: "string", default: "1000" },
      disks: { type: "string", default: DISKS.map(({ name }) => name).join(",") },
      once: { type: "boolean", default: false },
      dir: { type: "string" },
    },
  });
  const number = (name: string, text: string, least: number) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new RangeError(`--${name} is not an integer of at least ${least}`);
  };
  const known = (name: string, text: string, all: readonly string[]) => {
    const words = text.split(",");
    const unknown = words.find((word) => !all.includes(word));
    if (unknown === undefined) return words;
    throw new RangeError(`--${name} knows ${all.join(", ")}; not ${unknown}`);
  };
  return {
    seed: number("seed", values.seed, 0),
    every: number("every", values.every, 0),
    verbs: known("verbs", values.verbs, VERBS),
    modes: known("mode", values.mode, ALL_MODES),
    at: values.at === undefined ? undefined : number("at", values.at, 1),
    cuts: number("cuts", values.cuts, 1),
    seconds: number("seconds", values.seconds, 1),
    kills: number("kills", values.kills, 1),
    verbsCount: number("verbs-count", values["verbs-count"], 1),
    disks: known("disks", values.disks, DISKS.map(({ name }) => name)),
    once: values.once || values.at !== undefined,
    dir: values.dir,
  };
}

/** One round. Gives how many promises were broken. */
async function round(supervisor: Supervisor, options: Options): Promise<number> {
  let findings = 0;
  for (const mode of options.modes) findings += await WHOLE[mode]?.(options) ?? 0;
  const modes = options.modes.filter((mode) => mode in MODES);
  if (modes.length === 0) return findings;
  await using temp = await tempDir("varve-bundle-", options.dir);
  // SQLite takes a lock that fails for good for another process's.
  const program = await bundleProgram(temp.path, {
    busyTimeout: modes.includes("errno") ? 300 : undefined,
  });
  useBundledWorkers(temp.path);
  for (const scenario of SCENARIOS.filter(({ name }) => options.verbs.includes(name))) {
    const { mounts = false, tools = [] } = scenario;
    const reasons = missing({ root: mounts, mount: mounts, tools });
    if (reasons.length > 0) {
      console.log(`skipped: ${scenario.name} needs ${reasons.join(", ")}`);
      continue;
    }
    await using stage = await Stage.open(scenario, supervisor, { dir: options.dir, program });
    for (const mode of modes) {
      const begin = performance.now();
      const before = findings;
      const found = MODES[mode]!(stage, options);
      let next = await found.next();
      for (; !next.done; next = await found.next()) {
        findings++;
        console.log(findingText(next.value));
      }
      const seconds = Math.round((performance.now() - begin) / 1000);
      const sums = `${next.value}, ${findings - before} findings, ${seconds} s`;
      console.log(`${scenario.name}: ${mode}: ${sums}`);
    }
  }
  return findings;
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = parse(Deno.args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
  await using supervisor = await buildSupervisor();
  for (let seed = options.seed;; seed++) {
    console.log(`round of seed ${seed}`);
    const findings = await round(supervisor, { ...options, seed });
    if (options.once) return findings === 0 ? 0 : 1;
  }
}

if (import.meta.main) Deno.exitCode = await main();
