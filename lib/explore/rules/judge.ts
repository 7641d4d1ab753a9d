import type { ByteString } from "../../bytes/mod.ts";
import { type ExploredPath, type ExploreReport, MOST_LISTED } from "../contract.ts";
import { Largest } from "../largest.ts";
import type { RuleName, Rules, Verdict } from "./contract.ts";
import { pathGlobs } from "./path_globs.ts";
import { RULE_NAMES } from "./parse_rules.ts";

/** What an image has, as a rule asks for it, and the paths because of which it has that. */
interface Found {
  readonly actual: number;
  readonly fails: boolean;
  readonly paths: readonly ByteString[];
}

/** The setuid and setgid bits. */
const SET_IDS = 0o6000;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;

/** Judges an image by rules: one verdict for each rule, in the order of their names in {@linkcode RULE_NAMES}. */
export function judge(report: ExploreReport, rules: Rules): Verdict[] {
  const paths = pathsAgainst(report.paths, rules);
  return RULE_NAMES.map((rule): Verdict => {
    const limit = rules[rule];
    if (limit === undefined) {
      return { rule, status: "disabled", limit: null, actual: null, paths: [] };
    }
    const { actual, fails, paths: because } = found(report, rule, limit, paths);
    return {
      rule,
      status: fails ? "failed" : "passed",
      limit,
      actual,
      paths: fails ? because : [],
    };
  });
}

/** Whether no rule failed. */
export function allPassed(verdicts: readonly Verdict[]): boolean {
  return verdicts.every(({ status }) => status !== "failed");
}

function found(
  { dive, layerBytes, layers }: ExploreReport,
  rule: RuleName,
  limit: NonNullable<Rules[RuleName]>,
  against: PathsAgainst,
): Found {
  const wasteful = dive.inefficient.map(({ path }) => path);
  const most = (actual: number, paths: readonly ByteString[]): Found => ({
    actual,
    fails: actual > Number(limit),
    paths,
  });
  switch (rule) {
    case "lowestEfficiency":
      return { actual: dive.score, fails: dive.score < Number(limit), paths: wasteful };
    case "highestWastedBytes":
      return most(dive.wastedBytes, wasteful);
    case "highestUserWastedPercent":
      // As with dive, nothing of nothing (NaN) is not too much.
      return most(dive.wastedUserPercent, wasteful);
    case "maxBytes":
      return most(layerBytes, against.largest);
    case "maxLayers":
      return most(layers.length, []);
    default: {
      const paths = against[rule];
      return { actual: paths.length, fails: paths.length > 0, paths };
    }
  }
}

/** Paths that break rules, and those with the most bytes. */
interface PathsAgainst extends Record<"setuid" | "worldWritable" | "forbidden", ByteString[]> {
  readonly largest: readonly ByteString[];
}

function pathsAgainst(paths: Iterable<ExploredPath>, rules: Rules): PathsAgainst {
  const { maxBytes, setuid, worldWritable, forbidden } = rules;
  const against: PathsAgainst = { setuid: [], worldWritable: [], forbidden: [], largest: [] };
  const needsPaths = [maxBytes, setuid, worldWritable, forbidden].some((one) => one !== undefined);
  if (!needsPaths) return against;
  const largest = new Largest<{ readonly path: ByteString; readonly bytes: number }>(MOST_LISTED);
  const maySetId = pathGlobs(setuid ?? []);
  const mayBeWritable = pathGlobs(worldWritable ?? []);
  const isForbidden = pathGlobs(forbidden ?? []);
  for (const { path, changes } of paths) {
    let bytes = 0;
    for (const change of changes) if (change.kind !== "deleted") bytes += change.bytes;
    if (bytes > 0) largest.add({ path, bytes });
    if (isForbidden(path)) against.forbidden.push(path);
    const winner = changes.at(-1);
    if (winner === undefined || winner.kind === "deleted") continue;
    const { node } = winner;
    if (node.type !== "file" && node.type !== "directory") continue;
    if (setuid && node.type === "file" && (node.mode & SET_IDS) !== 0 && !maySetId(path)) {
      against.setuid.push(path);
    }
    const isOpen = (node.mode & OTHERS_WRITE) !== 0 &&
      (node.type === "file" || (node.mode & STICKY) === 0);
    if (worldWritable && isOpen && !mayBeWritable(path)) against.worldWritable.push(path);
  }
  return { ...against, largest: largest.things.map(({ path }) => path) };
}
