import type { ByteString } from "../../bytes/mod.ts";
import { composeChain, type ComposedChain, mountShared } from "../../compose/internal.ts";
import { VarveError } from "../../errors.ts";
import { isErrno } from "../../linux/mod.ts";
import type { LayerRun } from "./ancestors.ts";
import type { DriverOptions } from "./driver_options.ts";
import type { LayerLowers, LowersPlace } from "./layer_lowers.ts";
import { tooManyLowers } from "./overlay_plan.ts";

/**
 * All layers of a run as one EROFS image, which is mounted once and shared. Nothing is extracted. An image of layers that
 * lie on a directory keeps their whiteouts and opaque marks.
 *
 * Falls back to directories for layers that do not fit into an image, or that this kernel cannot mount as one image.
 */
export class ComposedLayers implements LayerLowers {
  readonly driver = "erofs";
  readonly #options: DriverOptions;
  readonly #fallback: LayerLowers;

  /** Does not compose anything yet. */
  constructor(options: DriverOptions, fallback: LayerLowers) {
    this.#options = options;
    this.#fallback = fallback;
  }

  async lowers(run: LayerRun, place: LowersPlace, signal?: AbortSignal): Promise<ByteString[]> {
    const { isBinding, sharedMount } = this.#options;
    if (place.room < 1) throw tooManyLowers();
    try {
      return [await this.#composed(run, place, signal)];
    } catch (error) {
      if (isBinding || !isBeyondImages(error)) throw error;
      sharedMount.onWarning?.(
        `${error.message}: its layers are extracted, as by the overlay driver`,
      );
      return await this.#fallback.lowers(run, place, signal);
    }
  }

  async #composed(
    { diffIds, below }: LayerRun,
    place: LowersPlace,
    signal?: AbortSignal,
  ): Promise<ByteString> {
    const { store, pool, sharedMount } = this.#options;
    const above = below === null ? undefined : { below, lowers: place.below };
    const compose = (damaged?: ComposedChain) =>
      composeChain({ store, pool, diffIds, above, damaged, signal });
    const mount = (chain: ComposedChain) => mountShared(store, chain, sharedMount, signal);
    const chain = await compose();
    try {
      return await mount(chain);
    } catch (error) {
      if (chain.isNew || !isDamageOf(chain, error)) throw error;
      return await mount(await compose(chain));
    }
  }

  async warm({ diffIds, below }: LayerRun, signal?: AbortSignal): Promise<void> {
    const { store, pool } = this.#options;
    if (below === null) await composeChain({ store, pool, diffIds, signal });
  }
}

/**
 * Whether an image may be damaged: its bytes do not match its description, or the kernel refused what is in it. The
 * image is then composed again, once.
 */
function isDamageOf({ directory }: ComposedChain, error: unknown): boolean {
  if (isErrno(error, "EINVAL", "EUCLEAN")) return true;
  return error instanceof VarveError && error.code === "E_DAMAGE" &&
    error.details.subject === directory;
}

/** Whether the chain does not fit into an image, or has too many devices for mount(2) of an older kernel. */
function isBeyondImages(error: unknown): error is VarveError {
  return error instanceof VarveError &&
    (error.code === "E_LIMIT" || error.code === "E_UNSUPPORTED");
}
