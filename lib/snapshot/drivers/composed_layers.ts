import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { composeChain, composedDirectory } from "../compose/compose_chain.ts";
import { mountLower, trimLowers } from "../compose/lower.ts";
import type { Stack } from "./ancestors.ts";
import type { LayerLowers } from "./layer_lowers.ts";
import type { DriverOptions } from "./options.ts";

/** All layers of a chain as one EROFS image, mounted once and shared: nothing is extracted. */
export class ComposedLayers implements LayerLowers {
  readonly driver = "erofs";
  readonly #options: DriverOptions;

  /** Over a store with directories. */
  constructor(options: DriverOptions) {
    this.#options = options;
  }

  async lowers({ layers }: Stack, signal?: AbortSignal): Promise<ByteString[]> {
    const { store, pool, directIo } = this.#options;
    const chain = await composeChain({ store, pool, diffIds: layers, signal });
    return [await mountLower(store, chain, { directIo })];
  }

  trim(needed: () => readonly (readonly DiffId[])[]): void {
    const { store } = this.#options;
    trimLowers(
      store,
      () => needed().flatMap((diffIds) => composedDirectory(store, diffIds) ?? []),
    );
  }
}
