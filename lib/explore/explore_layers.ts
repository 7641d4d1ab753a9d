import type { Steps } from "../tree/internal.ts";
import {
  CHANGE_KINDS,
  type ChangeKind,
  type ExploredLayer,
  type ExploredPath,
  type ExploreReport,
  type LayerReport,
  type PathChange,
  type Sum,
} from "./contract.ts";
import { DiveScore } from "./dive_score.ts";
import { type MergedPath, mergedWalk } from "./merged_walk.ts";
import { pathChanges } from "./path_changes.ts";
import { ShownFiles } from "./shown_files.ts";
import { Waste } from "./waste.ts";

/** Number of paths in one step. */
const STEP = 2000;

/**
 * Explores layers, lowest first, in steps: reads their trees once, side by side. Between two steps, the caller can check
 * whether the result is still wanted.
 *
 * @param onPath is called with each path, as if it went through the `paths` of the report
 */
export function* exploreLayers(
  layers: readonly ExploredLayer[],
  onPath: (path: ExploredPath) => void = () => {},
): Steps<ExploreReport> {
  const trees = layers.map(({ tree }) => tree);
  const sums = layers.map(() => new LayerSums());
  const waste = new Waste();
  const shown = new ShownFiles();
  const dive = new DiveScore();
  let paths = 0;
  for (const merged of mergedWalk(trees)) {
    if (++paths % STEP === 0) yield;
    dive.add(merged);
    const explored = exploredPath(merged);
    for (const change of explored.changes) sums[change.layer]?.add(change);
    waste.add(explored);
    shown.add(explored);
    if (explored.changes.length > 0) onPath(explored);
  }
  const reports = layers.map(({ diffId, history, tree }, i): LayerReport => {
    const changes = (sums[i] as LayerSums).sums;
    const bytes = CHANGE_KINDS.reduce(
      (sum, kind) => kind === "deleted" ? sum : sum + changes[kind].bytes,
      0,
    );
    return { diffId, history, entries: tree.count, bytes, changes };
  });
  const layerBytes = reports.reduce((sum, { bytes }) => sum + bytes, 0);
  const wasted = waste.finish();
  const { image, duplicates, files: duplicateFiles } = shown.finish();
  const { deleted, overwritten, copied } = wasted.waste;
  const lost = deleted.bytes + overwritten.bytes + copied.bytes;
  return {
    layers: reports,
    layerBytes,
    image,
    waste: wasted.waste,
    wastedFiles: wasted.files,
    duplicates,
    duplicateFiles,
    efficiency: layerBytes === 0 ? 1 : 1 - lost / layerBytes,
    dive: dive.finish(layerBytes - (reports[0]?.bytes ?? 0)),
    paths: { [Symbol.iterator]: () => exploredPaths(layers) },
  };
}

function* exploredPaths(layers: readonly ExploredLayer[]): Generator<ExploredPath> {
  for (const merged of mergedWalk(layers.map(({ tree }) => tree))) {
    const explored = exploredPath(merged);
    if (explored.changes.length > 0) yield explored;
  }
}

function exploredPath(merged: MergedPath): ExploredPath {
  const { path, name, depth } = merged;
  return { path, name, depth, changes: pathChanges(merged) };
}

/** The changes of one layer by kind. */
class LayerSums {
  readonly #sums = Object.fromEntries(
    CHANGE_KINDS.map((kind) => [kind, { count: 0, bytes: 0 }]),
  ) as Record<ChangeKind, { count: number; bytes: number }>;

  get sums(): Readonly<Record<ChangeKind, Sum>> {
    return this.#sums;
  }

  add({ kind, bytes }: PathChange): void {
    const sum = this.#sums[kind];
    sum.count++;
    sum.bytes += bytes;
  }
}
