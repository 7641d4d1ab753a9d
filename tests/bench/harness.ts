/**
 * What every benchmark uses: timing, bounds, and one line a figure.
 *
 * A benchmark is a program `tests/bench/*_bench.ts`. It prints figures with {@linkcode figure};
 * one outside of its bound makes the program end with exit code 1. Peers are timed in the same
 * run on the same input, like for like.
 */
// deno-lint-ignore-file no-console

/** Times of several runs, in milliseconds. */
export interface Timing {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
}

/** How a function is timed. */
export interface MeasureOptions {
  /** Timed runs; 5 by default. */
  readonly runs?: number;
  /** Runs before those; 1 by default. */
  readonly warmups?: number;
  /** Called before each run, outside of its time. */
  readonly before?: () => void | Promise<void>;
  /** Called after each run, outside of its time. */
  readonly after?: () => void | Promise<void>;
}

/** Times a function. */
export async function measure(
  fn: () => unknown,
  options: MeasureOptions = {},
): Promise<Timing> {
  const times: number[] = [];
  const runs = options.runs ?? 5;
  for (let i = -(options.warmups ?? 1); i < runs; i++) {
    await options.before?.();
    const start = performance.now();
    await fn();
    const time = performance.now() - start;
    await options.after?.();
    if (i >= 0) times.push(time);
  }
  return timingOf(times);
}

/**
 * Times two functions in turn, so that both see the same state of the machine.
 *
 * A comparison needs it: two series one after the other also measure what changed between them.
 */
export async function compare(
  a: () => unknown,
  b: () => unknown,
  options: MeasureOptions = {},
): Promise<readonly [Timing, Timing]> {
  const times: [number[], number[]] = [[], []];
  const runs = options.runs ?? 5;
  for (let i = -(options.warmups ?? 1); i < runs; i++) {
    for (const [side, fn] of [a, b].entries()) {
      await options.before?.();
      const start = performance.now();
      await fn();
      const time = performance.now() - start;
      await options.after?.();
      if (i >= 0) times[side as 0 | 1].push(time);
    }
  }
  return [timingOf(times[0]), timingOf(times[1])];
}

/** The figures of a series; the median of an even number is the lower of the middle two. */
export function timingOf(times: readonly number[]): Timing {
  const sorted = times.toSorted((a, b) => a - b);
  const [least] = sorted;
  const median = sorted[(sorted.length - 1) >> 1];
  const most = sorted.at(-1);
  if (least === undefined || median === undefined || most === undefined) {
    throw new RangeError("Cannot take a median: there is no run");
  }
  return { least, median, most, runs: sorted.length };
}

/** What a figure must keep. */
export interface Bound {
  readonly atLeast?: number | undefined;
  readonly atMost?: number | undefined;
}

/** Whether a value keeps its bound. */
export function holds(value: number, bound: Bound): boolean {
  return value >= (bound.atLeast ?? -Infinity) && value <= (bound.atMost ?? Infinity);
}

/** Prints a figure, and remembers where it misses its bound. */
export function figure(name: string, value: number, unit: string, bound: Bound = {}): void {
  const ok = holds(value, bound);
  if (!ok) Deno.exitCode = 1;
  const wanted = [
    ...(bound.atLeast === undefined ? [] : [`≥ ${bound.atLeast}`]),
    ...(bound.atMost === undefined ? [] : [`≤ ${bound.atMost}`]),
  ].join(", ");
  const verdict = wanted === "" ? "" : `  (${wanted}: ${ok ? "holds" : "MISSED"})`;
  console.log(`${name.padEnd(56)} ${format(value).padStart(10)} ${unit}${verdict}`);
}

/** Three digits that count. */
function format(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Highest resident memory of this process so far, its workers included, in MiB (VmHWM). */
export async function peakMemory(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status");
  const kib = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error("Cannot read the peak memory: no VmHWM");
  return Number(kib) / 1024;
}
