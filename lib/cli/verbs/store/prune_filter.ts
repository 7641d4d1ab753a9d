import { VarveError } from "../../../errors.ts";
import type { PruneFilter } from "../../../upkeep/mod.ts";
import { parseDate } from "../../files/date.ts";
import { parseDuration } from "../../duration.ts";

/**
 * Reads the values of `--filter`: `until=TIME`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`.
 *
 * @param now the time, in ms since the epoch
 * @param others the filters that the verb has besides these, for the hint: `dangling=true|false, `
 * @throws {VarveError} `E_USAGE`
 */
export function parseFilters(values: readonly string[], now: number, others = ""): PruneFilter {
  const labels: string[] = [], notLabels: string[] = [];
  let until: number | undefined;
  for (const value of values) {
    const [, key, operator, text = ""] = /^(until|label)(!?=)(.+)$/s.exec(value) ?? [];
    if (key === "label") (operator === "=" ? labels : notLabels).push(text);
    else if (key === "until" && operator === "=") {
      // As with several labels, all filters must let a thing through.
      until = Math.min(until ?? Infinity, timeOf(value, text, now));
    } else {
      const hint = `filters are ${others}until=TIME, label=KEY[=VALUE] and label!=KEY[=VALUE]`;
      throw wrongFilter(value, hint);
    }
  }
  return { until, labels, notLabels };
}

function timeOf(value: string, text: string, now: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  // Seconds since the epoch, as Docker takes them.
  if (/^[0-9]{1,12}$/.test(text)) return Number(text) * 1000;
  const time = parseDate(text);
  if (time !== undefined) return time;
  throw wrongFilter(value, "give an age such as 24h or 7d, a date, or seconds since 1970");
}

function wrongFilter(value: string, hint: string): VarveError {
  return new VarveError("E_USAGE", `Cannot use --filter ${JSON.stringify(value)}`, { hint });
}
