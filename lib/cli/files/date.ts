/** A day, or a time in RFC 3339, also without seconds or zone, and with a blank before the time. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[-+]\d\d:\d\d)?)?$/;

/**
 * Reads a date such as `2024-12-31` (in UTC) or `2024-12-31T10:00:00Z` (without `Z` in the zone of this machine), in ms
 * since the epoch. `Date.parse` alone takes more: `2024-02-30` as a day in March, and `2024-01-01junk` as one in June.
 *
 * @returns `undefined` when the text is no date
 */
export function parseDate(text: string): number | undefined {
  const day = DATE.exec(text)?.[1];
  if (day === undefined) return undefined;
  const [time, midnight] = [Date.parse(text), Date.parse(day)];
  if (Number.isNaN(time) || Number.isNaN(midnight)) return undefined;
  return new Date(midnight).toISOString().startsWith(day) ? time : undefined;
}
