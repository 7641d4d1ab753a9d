/** What the checks find, and which calls they try. */
import type { Call, Fault } from "../support/faults/supervisor.ts";

/** A promise that was broken. */
export interface Finding {
  /** Name of the scenario. */
  readonly scenario: string;
  readonly fault: Fault | undefined;
  /** The seed of the round: it chooses the error. */
  readonly seed: number;
  /** What is wrong, a line each. */
  readonly what: readonly string[];
}

/** A finding as text, with the command that repeats it. */
export function findingText({ scenario, fault, seed, what }: Finding): string {
  const mode = fault?.kind === "hook" ? "collect" : fault?.kind ?? "order";
  const at = fault === undefined ? "" : ` --at ${fault.at}`;
  const errno = fault?.kind === "errno" ? ` ${fault.errno} ${fault.times ?? 1} times` : "";
  const command = `deno task torture --mode ${mode} --verbs '${scenario}' --seed ${seed}${at}`;
  const lines = what.map((line) => `  ${line}`);
  return [`${scenario}: ${mode}${at}${errno}`, ...lines, `  again: ${command}`].join("\n");
}

/** Which calls are tried. */
export interface Choice {
  /** Every so many. */
  readonly every: number;
  /** Where to begin; any integer. */
  readonly seed: number;
}

/**
 * Numbers of calls to be tried. Writes to one file that follow each other count as one, because what is between
 * them is a torn write: the first and the last of them are tried.
 */
export function pointsOf(calls: readonly Call[], { every, seed }: Choice): number[] {
  const isSame = (one: Call | undefined, other: Call) =>
    one?.name === "write" && other.name === "write" && one.paths[0] === other.paths[0];
  const points = calls.filter((call, at) =>
    every === 0 || !isSame(calls[at - 1], call) || calls[at + 1] === undefined ||
    !isSame(calls[at + 1] as Call, call)
  ).map(({ number }) => number);
  if (every <= 1) return points;
  const begin = ((seed % every) + every) % every;
  return points.filter((_, at) => at % every === begin);
}
