import { type ByteString, fromText } from "../../bytes/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import type { Stack } from "./ancestors.ts";
import type { DriverDirectories } from "./driver_directories.ts";
import type { LayerLowers } from "./layer_lowers.ts";
import { IMAGE_LOWERS, planLowers } from "./overlay_plan.ts";

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
   * The lowers, topmost first: one with the attributes of the chain's directories, one for each layer, and, if there
   * are too many layers, one for the rest.
   */
  async lowers({ directories, layers }: Stack, signal?: AbortSignal): Promise<ByteString[]> {
    const made = this.#directories;
    const { single, joined } = planLowers(layers, IMAGE_LOWERS - 1 - directories.length);
    const makers: ((signal: AbortSignal) => Promise<string>)[] = [
      (signal) => made.ofChain(layers, "attributes", signal),
      ...single.map((diffId) => (signal: AbortSignal) => made.ofLayer(diffId, signal)),
    ];
    if (joined.length > 0) makers.push((signal) => made.ofChain(joined, "root", signal));
    const limit = made.jobsAtOnce + WAITING;
    const paths = await boundedParallel(makers, (make, signal) => make(signal), { limit, signal });
    return paths.map(fromText);
  }

  /**
   * Extracted layers are plain directories, so there is nothing to unmount. The directories belong to the layers, and
   * stay.
   */
  trim(): void {}
}
