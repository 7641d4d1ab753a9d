import { type ByteString, escapeForTerminal, toHex } from "../bytes/mod.ts";
import type { ExploredPath, ExploreReport } from "./contract.ts";

/** Version of the JSON form of a report. A program that reads it must refuse a version that it does not know. */
export const REPORT_VERSION = 1;

/**
 * A report as JSON. Paths are absolute, with `\xNN` for each byte that is not printable UTF-8. `paths` is a generator:
 * the trees are read again while it is written.
 */
export function reportJson(report: ExploreReport): Record<string, unknown> {
  const { dive, layers, wastedFiles, duplicateFiles } = report;
  return {
    layers: layers.map(({ diffId, history, entries, bytes, changes }) => ({
      diffId,
      created: history?.created ?? null,
      createdBy: history?.createdBy ?? null,
      comment: history?.comment ?? null,
      entries,
      bytes,
      changes,
    })),
    layerBytes: report.layerBytes,
    image: report.image,
    efficiency: report.efficiency,
    waste: report.waste,
    wastedFiles: wastedFiles.map(({ path, ...file }) => ({ path: shown(path), ...file })),
    duplicates: report.duplicates,
    duplicateFiles: duplicateFiles.map(({ digest, size, paths }) => ({
      digest: `sha256:${toHex(digest)}`,
      size,
      paths: paths.map(shown),
    })),
    dive: {
      ...dive,
      // JSON has no NaN and no Infinity.
      wastedUserPercent: Number.isFinite(dive.wastedUserPercent) ? dive.wastedUserPercent : null,
      inefficient: dive.inefficient.map(({ path, ...rest }) => ({ path: shown(path), ...rest })),
    },
    paths: pathsJson(report.paths),
  };
}

function* pathsJson(paths: Iterable<ExploredPath>): Generator<unknown> {
  for (const { path, changes } of paths) {
    const last = changes.at(-1);
    yield {
      path: shown(path),
      winner: last === undefined || last.kind === "deleted" ? null : last.layer,
      changes: changes.map(({ layer, kind, node: { type }, bytes }) => ({
        layer,
        kind,
        type,
        bytes,
      })),
    };
  }
}

function shown(path: ByteString): string {
  return escapeForTerminal(`/${path}` as ByteString);
}
