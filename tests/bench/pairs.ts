/** Alternating pairs of processes: a ratio of each pair, and how sure their median is. */
import { run, type RunOptions } from "../support/machine/process.ts";
import { prng } from "../support/prng.ts";
import { type Bound, figure, holds, timingOf } from "./harness.ts";

/** What a process and all processes that it waited for used. */
export interface Usage {
  /** CPU time in seconds, exact to 10 ms. */
  readonly cpu: number;
  /** Wall time in seconds, exact to 10 ms. */
  readonly wall: number;
  /** Highest resident memory of one of them, in MiB. */
  readonly peak: number;
}

/** Runs a process to its end and tells what it used. */
export async function usageOf(
  command: readonly string[],
  options: RunOptions = {},
): Promise<Usage> {
  const time = ["/usr/bin/time", "-f", "%U %S %e %M"];
  const { stderr } = await run([...time, ...command], { timeout: 900_000, ...options });
  const last = stderr.trim().split("\n").at(-1) ?? "";
  const [user = NaN, system = NaN, wall = NaN, kib = NaN] = last.split(" ").map(Number);
  return { cpu: user + system, wall, peak: kib / 1024 };
}

/** A median, and the interval in which it lies with a probability of 95 %. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Number of samples that are drawn anew from a series. */
const DRAWS = 2000;

/** The median of the ratios of pairs `a[i] / b[i]`, with its interval by drawing the pairs anew (bootstrap). */
export function ratioOf(a: readonly number[], b: readonly number[]): Interval {
  const ratios = a.map((value, i) => value / (b[i] as number));
  const random = prng(1);
  const medians = Array.from(
    { length: DRAWS },
    () => timingOf(ratios.map(() => ratios[random.int(0, ratios.length)] as number)).median,
  ).sort((x, y) => x - y);
  return {
    median: timingOf(ratios).median,
    low: medians[Math.floor(DRAWS * 0.025)] as number,
    high: medians[Math.ceil(DRAWS * 0.975) - 1] as number,
  };
}

/** Prints a ratio. It misses its bound only where its whole interval lies beyond it. */
export function figureRatio(
  name: string,
  { median, low, high }: Interval,
  bound: Bound = {},
): void {
  const interval = `× [${low.toFixed(2)}, ${high.toFixed(2)}]`;
  const isOpen = !holds(median, bound) && (holds(low, bound) || holds(high, bound));
  if (!isOpen) return figure(name, median, interval, bound);
  const wanted = bound.atMost ?? bound.atLeast;
  figure(name, median, `${interval}  (the bound ${wanted} lies in the interval: not missed)`);
}
