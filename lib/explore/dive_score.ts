import type { ByteString } from "../bytes/mod.ts";
import { type DivePath, type DiveReport, MOST_LISTED } from "./contract.ts";
import { Largest } from "./largest.ts";
import type { LayerEntry, MergedPath } from "./merged_walk.ts";
import { sizeAt } from "./path_changes.ts";

/** A path on the way down to the current one. */
interface Frame {
  readonly path: ByteString;
  readonly depth: number;
  /** Sizes that are known. */
  readonly sizes: number[];
  /** Bytes below the path, by the layer of a whiteout that deletes it as a directory. */
  readonly deletes: Map<number, number>;
  /** Layers with a whiteout here or at an ancestor. */
  readonly whiteouts: readonly number[];
}

/**
 * The efficiency as dive computes it (wagoodman/dive, `dive/filetree/efficiency.go`): for each path, the sizes that
 * layers have there. The score is the sum of the least size of each path by the sum of all sizes. Paths that several
 * layers have are inefficient, and wasted are all of their bytes, also of the one that the image shows.
 *
 * As there, a layer has a path where its tree has no entries below: directories count only when they are empty. A
 * whiteout counts as a layer that has the path. Its size is that of everything below for a directory that has an
 * entry of its own, else 0. Opaque directories delete nothing. One thing is not copied: dive leaves out the rest of a
 * layer after a whiteout of nothing.
 */
export class DiveScore {
  readonly #frames: Frame[] = [];
  /** Those of the frames that a whiteout deletes. */
  readonly #deleted: Frame[] = [];
  readonly #largest = new Largest<DivePath>(MOST_LISTED);
  #least = 0;
  #all = 0;
  #wasted = 0;
  #inefficient = 0;

  /** Takes the next path. */
  add({ path, depth, entries }: MergedPath): void {
    this.#leave(depth);
    const above = this.#frames.at(-1)?.whiteouts ?? [];
    for (const { deletes } of this.#deleted) {
      for (const [layer, bytes] of deletes) {
        const before = stackedBefore(layer, entries, above);
        if (before !== undefined) deletes.set(layer, bytes + sizeAt(path, before.node));
      }
    }
    const sizes: number[] = [];
    const deletes = new Map<number, number>();
    for (const { layer, node, hasEntries } of entries) {
      if (node.type !== "whiteout") {
        if (!hasEntries) sizes.push(sizeAt(path, node));
        continue;
      }
      const before = stackedBefore(layer, entries, above);
      if (before === undefined) continue;
      if (before.node.type === "directory" && !before.node.implied) deletes.set(layer, 0);
      else sizes.push(0);
    }
    const own = entries.filter(({ node }) => node.type === "whiteout").map(({ layer }) => layer);
    const whiteouts = own.length === 0 ? above : [...above, ...own];
    const frame = { path, depth, sizes, deletes, whiteouts };
    this.#frames.push(frame);
    if (deletes.size > 0) this.#deleted.push(frame);
  }

  /** To call after the last path. `userBytes` are the bytes of all layers but the lowest. */
  finish(userBytes: number): DiveReport {
    this.#leave(0);
    return {
      score: this.#all === 0 ? 1 : this.#least / this.#all,
      wastedBytes: this.#wasted,
      userBytes,
      wastedUserPercent: this.#wasted / userBytes,
      inefficientCount: this.#inefficient,
      inefficient: this.#largest.things,
    };
  }

  /** Sums up the paths that are not above the next one. */
  #leave(depth: number): void {
    for (let top = this.#frames.at(-1); top !== undefined; top = this.#frames.at(-1)) {
      if (top.depth < depth) return;
      this.#frames.pop();
      if (this.#deleted.at(-1) === top) this.#deleted.pop();
      const sizes = [...top.sizes, ...top.deletes.values()];
      if (sizes.length === 0) continue;
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      this.#least += sizes.reduce((least, size) => Math.min(least, size));
      this.#all += bytes;
      if (sizes.length === 1) continue;
      this.#wasted += bytes;
      this.#inefficient++;
      this.#largest.add({ path: top.path, count: sizes.length, bytes });
    }
  }
}

/**
 * The entry that dive's stack of the layers below `layer` has at a path: the topmost, unless a whiteout there or at an
 * ancestor removed it.
 */
function stackedBefore(
  layer: number,
  entries: readonly LayerEntry[],
  whiteouts: readonly number[],
): LayerEntry | undefined {
  const below = entries.filter((entry) => entry.layer < layer);
  const last = below.at(-1);
  if (last === undefined || last.node.type === "whiteout") return undefined;
  const isGone = whiteouts.some((one) => one > last.layer && one < layer);
  return isGone ? undefined : last;
}
