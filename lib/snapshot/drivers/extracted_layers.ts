import { type ByteString, fromText } from "../../bytes/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import type { LayerRun } from "./ancestors.ts";
import type { DriverDirectories } from "./driver_directories.ts";
import type { LayerLowers, LowersPlace } from "./layer_lowers.ts";
import { planLowers, tooManyLowers } from "./overlay_plan.ts";

/**
 * Number of extractions that wait for the pool, in addition to those that run. It is small, because each holds a lock
 * and an open directory.
 */
const WAITING = 2;

/** Layers as directories. Each layer is extracted once. */
export class ExtractedLayers implements LayerLowers {
  readonly driver = "overlay";
  readonly #directories: DriverDirectories;

  /** Does not extract anything yet. */
  constructor(directories: DriverDirectories) {
    this.#directories = directories;
  }

  /**
   * The lowers, topmost first: one with the attributes of the run's directories, one for each layer, and, if there
   * are too many layers, one for the rest. The rest must be a complete root, so nothing may be below it.
   */
  async lowers(
    { diffIds, below }: LayerRun,
    place: LowersPlace,
    signal?: AbortSignal,
  ): Promise<ByteString[]> {
    const made = this.#directories;
    // One lower is for the attributes.
    const room = place.room - 1;
    if (room < 1 || below !== null && new Set(diffIds).size > room) throw tooManyLowers();
    const { single, joined } = planLowers(diffIds, room);
    const makers: ((signal: AbortSignal) => Promise<string>)[] = [
      (signal) =>
        below === null
          ? made.ofChain(diffIds, "attributes", signal)
          : made.attributesAbove(diffIds, { below, lowers: place.below }, signal),
      ...single.map((diffId) => (signal: AbortSignal) => made.ofLayer(diffId, signal)),
    ];
    if (joined.length > 0) makers.push((signal) => made.ofChain(joined, "root", signal));
    const limit = made.jobsAtOnce + WAITING;
    const paths = await boundedParallel(makers, (make, signal) => make(signal), { limit, signal });
    return paths.map(fromText);
  }
}
