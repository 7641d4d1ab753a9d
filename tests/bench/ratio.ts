/** The ratio of two series that were measured in turn, and how sure it is. */
import { prng } from "../support/prng.ts";
import { type Bound, figure, holds, timingOf } from "./harness.ts";

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
  const { pick } = prng(1);
  const medians = Array.from(
    { length: DRAWS },
    () => timingOf(ratios.map(() => pick(ratios))).median,
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
