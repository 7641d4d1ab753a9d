import type { DropReason, ExtractReport } from "./contract.ts";

/** A report while it is being counted. */
export type Tally = {
  -readonly [K in keyof ExtractReport]: K extends "dropped" ? Record<DropReason, number>
    : ExtractReport[K];
};

/** A report in which all counts are 0. */
export function newTally(): Tally {
  return {
    directories: 0,
    files: 0,
    symlinks: 0,
    links: 0,
    specials: 0,
    whiteouts: 0,
    bytes: 0,
    dropped: {
      "owner": 0,
      "device": 0,
      "xattr-trusted": 0,
      "xattr-security": 0,
      "xattr-unsupported": 0,
      "time": 0,
    },
  };
}

/** The sum of the reports of several phases or parts. */
export function addReports(reports: Iterable<ExtractReport>): ExtractReport {
  const sum = newTally();
  for (const report of reports) {
    sum.directories += report.directories;
    sum.files += report.files;
    sum.symlinks += report.symlinks;
    sum.links += report.links;
    sum.specials += report.specials;
    sum.whiteouts += report.whiteouts;
    sum.bytes += report.bytes;
    for (const reason of Object.keys(sum.dropped) as DropReason[]) {
      sum.dropped[reason] += report.dropped[reason];
    }
  }
  return sum;
}
