import { VarveError } from "../errors.ts";
import type { Context } from "./context.ts";

/** Years up to 9999, which every reader of dates takes. */
const LAST_SECOND = 253_402_300_799;

/**
 * The time that a reproducible build gives instead of now, in ms (reproducible-builds.org/specs/source-date-epoch).
 *
 * @throws {VarveError} `E_USAGE` when it is no number of seconds
 */
export function sourceDate(context: Context): number | undefined {
  const value = context.io.env("SOURCE_DATE_EPOCH");
  if (value === undefined || value === "") return undefined;
  const seconds = /^[0-9]{1,12}$/.test(value) ? Number(value) : Infinity;
  if (seconds <= LAST_SECOND) return seconds * 1000;
  throw new VarveError(
    "E_USAGE",
    `Cannot use SOURCE_DATE_EPOCH=${JSON.stringify(value)}: it is no number of seconds since 1970`,
  );
}
