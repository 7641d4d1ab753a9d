import { VarveError } from "../errors.ts";

/** Milliseconds of each unit. */
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A number with a unit. */
const PART = /([0-9]+(?:\.[0-9]+)?)(ms|[smhdw])/g;

/**
 * Reads a duration such as `90s`, `1h30m` or `7d`, in ms.
 *
 * @returns `undefined` when the text is no duration
 */
export function parseDuration(text: string): number | undefined {
  if (text === "" || text.replace(PART, "") !== "") return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(PART)) {
    sum += Number(count) * (UNITS[unit ?? ""] ?? 0);
  }
  return Number.isSafeInteger(Math.round(sum)) ? Math.round(sum) : undefined;
}

/** As {@linkcode parseDuration}. @throws {VarveError} `E_USAGE` when the text is no duration */
export function requireDuration(option: string, text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined) return duration;
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${option} ${JSON.stringify(text)}: it is no duration`,
    {
      hint: "give numbers with units, such as 90s, 1h30m or 7d",
    },
  );
}
