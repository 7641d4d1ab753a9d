/** Commands that run in turn, in a random order in each round, compared by CPU seconds: other work counts little. */
import { prng } from "../support/prng.ts";
import { run } from "../support/machine/process.ts";
import { timingOf } from "./harness.ts";
import { type Interval, ratioOf } from "./ratio.ts";

/** A command and what surrounds it. */
export interface Contestant {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Called before each run, outside of its time. */
  readonly before?: () => unknown;
  /** Called after each run, outside of its time. */
  readonly after?: () => unknown;
}

/** What a run took, in seconds: of CPU by the process and its children that it waited for, and of time. */
export interface Cost {
  readonly cpu: number;
  readonly wall: number;
}

/** The costs of each contestant, by round. One more round before these is not counted. */
export async function contest<Name extends string>(
  contestants: Readonly<Record<Name, Contestant>>,
  rounds: number,
): Promise<Record<Name, Cost[]>> {
  const names = Object.keys(contestants) as Name[];
  const costs = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Cost[]
  >;
  const { shuffle } = prng(1);
  for (let round = -1; round < rounds; round++) {
    for (const name of shuffle(names)) {
      const { before, after } = contestants[name];
      await before?.();
      const cost = await costOf(contestants[name]);
      await after?.();
      if (round >= 0) costs[name].push(cost);
    }
  }
  return costs;
}

/** Runs a command, which must succeed, by way of bash, which counts the CPU time of its children in ms. */
async function costOf({ command, env = {} }: Contestant): Promise<Cost> {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@"';
  const { stderr } = await run(["bash", "-c", script, "bash", ...command], { env });
  const [wall = NaN, user = NaN, system = NaN] = (stderr.trim().split("\n").at(-1) ?? "").split(" ")
    .map(Number);
  return { cpu: user + system, wall };
}

/** The median of a series, in seconds. */
export function medianOf(costs: readonly Cost[], what: keyof Cost = "cpu"): number {
  return timingOf(costs.map((cost) => cost[what])).median;
}

/** The ratio of one series to another, round by round. */
export function costRatio(
  costs: readonly Cost[],
  base: readonly Cost[],
  what: keyof Cost = "cpu",
): Interval {
  return ratioOf(costs.map((cost) => cost[what]), base.map((cost) => cost[what]));
}
