import { type ByteString, fromText } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { ExtractForm } from "../../directory/internal.ts";
import { boundedParallel } from "../../pool/internal.ts";
import { DRIVER_FILES } from "../../store/internal.ts";
import type { Directories } from "../../store/mod.ts";
import type { Stack } from "./ancestors.ts";
import type { DriverOptions } from "./driver_options.ts";
import type { LayerLowers } from "./layer_lowers.ts";
import { IMAGE_LOWERS, planLowers } from "./overlay_plan.ts";
import { DriverDirectories } from "./snapshot_directories.ts";

/** Each extraction holds a lock and a directory open: so many wait for the pool, no more. */
const WAITING = 2;

/** Layers as directories, each extracted once. */
export class ExtractedLayers implements LayerLowers {
  readonly driver = "overlay";
  readonly #options: DriverOptions;
  readonly #directories: DriverDirectories;

  /** Over a store with directories. */
  constructor(options: DriverOptions) {
    this.#options = options;
    this.#directories = new DriverDirectories(options);
  }

  /** The attributes, the layers one by one, and below them those that are too many as one. */
  async lowers({ directories, layers }: Stack, signal?: AbortSignal): Promise<ByteString[]> {
    const { single, joined } = planLowers(layers, IMAGE_LOWERS - 1 - directories.length);
    const makers: ((signal: AbortSignal) => Promise<ByteString>)[] = [
      (signal) => this.#ofChain(layers, "attributes", signal),
      ...single.map((diffId) => (signal: AbortSignal) =>
        this.#made({ diffId }, this.#directories.shared, "layer", [diffId], signal)
      ),
    ];
    if (joined.length > 0) makers.push((signal) => this.#ofChain(joined, "root", signal));
    const limit = this.#options.pool.size + WAITING;
    return await boundedParallel(makers, (make, signal) => make(signal), { limit, signal });
  }

  #ofChain(
    diffIds: readonly DiffId[],
    form: "attributes" | "root",
    signal: AbortSignal,
  ): Promise<ByteString> {
    const chainId = this.#options.store.chains.ensure(diffIds);
    const name = form === "root" ? this.#directories.shared : DRIVER_FILES.attributes;
    return this.#made({ chainId }, name, form, diffIds, signal);
  }

  async #made(
    owner: Parameters<Directories["ensure"]>[0],
    name: string,
    form: ExtractForm,
    diffIds: readonly DiffId[],
    signal: AbortSignal,
  ): Promise<ByteString> {
    const { directories } = this.#options;
    const fill = (temporary: string) =>
      this.#directories.extract(temporary, { diffIds, form, signal });
    return fromText(await directories.ensure(owner, name, fill, { signal }));
  }

  /** Directories stay: they are of the layers, not of the mounts. */
  trim(): void {}
}
