import { VarveError } from "../errors.ts";
import type { Context } from "./context.ts";

/** The last second of the year 9999. Not every parser of dates accepts later ones. */
const LAST_SECOND = 253_402_300_799;

/**
 * `SOURCE_DATE_EPOCH` in milliseconds, which a reproducible build uses in place of the current time; `undefined` when
 * it is not set (reproducible-builds.org/specs/source-date-epoch).
 *
 * @throws {VarveError} `E_USAGE` when it is not a number of seconds
 */
export function sourceDate(context: Context): number | undefined {
  const value = context.io.env("SOURCE_DATE_EPOCH");
  if (value === undefined || value === "") return undefined;
  const seconds = /^[0-9]{1,12}$/.test(value) ? Number(value) : Infinity;
  if (seconds <= LAST_SECOND) return seconds * 1000;
  throw new VarveError(
    "E_USAGE",
    `Cannot use SOURCE_DATE_EPOCH=${
      JSON.stringify(value)
    }: it is not a number of seconds since 1970`,
  );
}
