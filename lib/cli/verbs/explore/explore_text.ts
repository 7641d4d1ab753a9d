import { formatBytes, toHex } from "../../../bytes/mod.ts";
import {
  CHANGE_KINDS,
  type ExploreReport,
  type Verdict,
  WASTE_CAUSES,
} from "../../../explore/mod.ts";
import { printableLine } from "../../display/printable.ts";
import { shortDigest } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import { shownPath } from "./ci_rules.ts";
import type { Explored } from "./explored.ts";

/** How many files of a list are printed. JSON has more. */
const MOST_PRINTED = 10;
/** Columns of a terminal that the table of layers needs besides the commands. */
const OTHER_COLUMNS = 100;

/** A report for people. */
export function reportText(
  { facts, source, usage }: Explored,
  report: ExploreReport,
  columns: number | undefined,
): string {
  const { image, layers, layerBytes } = report;
  const head = [source.name, facts.platform, facts.imageId && shortDigest(facts.imageId)];
  const lines = [
    head.filter((word) => word !== null).join("  "),
    `${image.count} paths with ${formatBytes(image.bytes)}, of ${layers.length} layer${
      layers.length === 1 ? "" : "s"
    } with ` +
    formatBytes(layerBytes),
    ...usage === null ? [] : [
      `in the store ${formatBytes(usage.size)}: ${formatBytes(usage.unique)} of its own, ` +
      `${formatBytes(usage.shared)} shared with other images`,
    ],
  ];
  const parts = [layersText, wasteText, duplicatesText].map((part) => part(report, columns));
  return [`${lines.join("\n")}\n`, ...parts.filter((part) => part !== "")].join("\n");
}

function layersText({ layers }: ExploreReport, columns: number | undefined): string {
  return table(
    ["LAYER", "DIFF ID", "BYTES", ...CHANGE_KINDS.map((kind) => kind.toUpperCase()), "CREATED BY"],
    layers.map(({ diffId, bytes, changes, history }, i) => [
      i,
      diffId === null ? "<changes>" : shortDigest(diffId),
      formatBytes(bytes),
      ...CHANGE_KINDS.map((kind) => changes[kind].count),
      printableLine(
        history?.createdBy ?? "",
        Math.max(60, (columns ?? 0) - OTHER_COLUMNS),
        columns,
      ),
    ]),
    columns,
  );
}

function wasteText(report: ExploreReport, columns: number | undefined): string {
  const { waste, wastedFiles, efficiency, dive } = report;
  const sums = table(
    ["WASTE", "FILES", "BYTES"],
    WASTE_CAUSES.map((cause) => [cause, waste[cause].count, formatBytes(waste[cause].bytes)]),
    columns,
  );
  const ofUser = dive.userBytes === 0
    ? ""
    : `, ${percent(dive.wastedUserPercent)} of what users add`;
  const scores = `efficiency ${percent(efficiency)}; dive's score is ${percent(dive.score)}: ` +
    `${formatBytes(dive.wastedBytes)} wasted${ofUser}\n`;
  if (wastedFiles.length === 0) return sums + scores;
  const files = table(
    ["BYTES", "CAUSE", "LAYER", "BY", "PATH"],
    wastedFiles.slice(0, MOST_PRINTED).map(({ bytes, cause, layer, by, path }) => [
      formatBytes(bytes),
      cause,
      layer,
      by,
      shownPath(path),
    ]),
    columns,
  );
  const all = WASTE_CAUSES.reduce((sum, cause) => sum + waste[cause].count, 0);
  return `${sums}${scores}\n${files}${moreText(all - MOST_PRINTED)}`;
}

function duplicatesText(
  { duplicates, duplicateFiles }: ExploreReport,
  columns: number | undefined,
): string {
  if (duplicates.count === 0) return "";
  const rows = duplicateFiles.slice(0, MOST_PRINTED).map(({ digest, size, paths }) => [
    formatBytes(size),
    paths.length,
    toHex(digest).slice(0, 12),
    paths[0] === undefined ? "" : shownPath(paths[0]),
  ]);
  return `duplicates: ${duplicates.count} file${duplicates.count === 1 ? "" : "s"}, ${
    formatBytes(duplicates.bytes)
  }\n` +
    table(["BYTES", "FILES", "CONTENT", "FIRST PATH"], rows, columns);
}

/** The verdicts of rules, with the paths because of which they failed. */
export function verdictsText(
  verdicts: readonly Verdict[],
  columns: number | undefined,
): string {
  const rows = verdicts.map(({ rule, status, limit, actual }) => [
    rule,
    status,
    limit === null ? "" : typeof limit === "number" ? String(limit) : limit.join(" "),
    actual === null ? "" : String(Math.round(actual * 1e4) / 1e4),
  ]);
  const failed = verdicts.filter(({ status }) => status === "failed").flatMap(({ rule, paths }) => [
    `${rule} failed${paths.length === 0 ? "" : ":"}\n`,
    ...paths.slice(0, MOST_PRINTED).map((path) => `  ${shownPath(path)}\n`),
    moreText(paths.length - MOST_PRINTED),
  ]);
  return `\n${table(["RULE", "STATUS", "LIMIT", "ACTUAL"], rows, columns)}${failed.join("")}`;
}

function moreText(count: number): string {
  return count > 0 ? `… and ${count} more\n` : "";
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(2)} %`;
}
