import type { ByteString } from "../../bytes/mod.ts";
import { composeChain, composedDirectory, mountLower, trimLowers } from "../../compose/internal.ts";
import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Stack } from "./ancestors.ts";
import type { DriverOptions } from "./driver_options.ts";
import { ExtractedLayers } from "./extracted_layers.ts";
import type { LayerLowers } from "./layer_lowers.ts";

/**
 * All layers of a chain as one EROFS image, mounted once and shared: nothing is extracted.
 * A chain that no image can hold, or that this kernel cannot mount as one, becomes directories.
 */
export class ComposedLayers implements LayerLowers {
  readonly driver = "erofs";
  readonly #options: DriverOptions;

  /** Over a store with directories. */
  constructor(options: DriverOptions) {
    this.#options = options;
  }

  async lowers(stack: Stack, signal?: AbortSignal): Promise<ByteString[]> {
    const { isBinding, lower } = this.#options;
    try {
      return [await this.#composed(stack.layers, signal)];
    } catch (error) {
      if (isBinding || !isBeyondImages(error)) throw error;
      lower.onWarning?.(`${error.message}: its layers are extracted, as by --driver overlay`);
      return await new ExtractedLayers(this.#options).lowers(stack, signal);
    }
  }

  async #composed(diffIds: readonly DiffId[], signal?: AbortSignal): Promise<ByteString> {
    const { store, pool, lower } = this.#options;
    const chain = await composeChain({ store, pool, diffIds, signal });
    return await mountLower(store, chain, lower);
  }

  trim(needed: () => readonly (readonly DiffId[])[]): void {
    const { store } = this.#options;
    trimLowers(
      store,
      () => needed().flatMap((diffIds) => composedDirectory(store, diffIds) ?? []),
    );
  }
}

/** Whether the format holds too little, or mount(2) of an older kernel takes too few devices. */
function isBeyondImages(error: unknown): error is VarveError {
  return error instanceof VarveError &&
    (error.code === "E_LIMIT" || error.code === "E_UNSUPPORTED");
}
