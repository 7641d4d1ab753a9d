import { type ByteString, fromText } from "../../bytes/mod.ts";
import { copyAttributes } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import { CWD, getXattrAt, type Mount } from "../../linux/mod.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";
import type { Ancestor, Driver, DriverName, DriverRequest, Usage } from "../contract.ts";
import { stackOf } from "./ancestors.ts";
import type { DriverOptions } from "./driver_options.ts";
import { ExtractedLayers } from "./extracted_layers.ts";
import type { LayerLowers } from "./layer_lowers.ts";
import { MAX_LOWERS, overlayMounts, type OverlayUpper } from "./overlay_plan.ts";
import { DriverDirectories } from "./snapshot_directories.ts";

const OPAQUE = "trusted.overlay.opaque" as ByteString;

/**
 * Layers as directories, stacked by overlayfs. A directory belongs to a diffID,
 * not to a place in a chain: it is extracted once, whoever needs it. What
 * depends on the place, the attributes of implied directories, is one more
 * directory on top of them, which belongs to the chain.
 */
export class OverlayDriver implements Driver {
  readonly name: DriverName;
  readonly #options: DriverOptions;
  readonly #directories: DriverDirectories;
  readonly #layers: LayerLowers;

  /** A driver over a store with directories. `layers` makes lowers of layers. */
  constructor(options: DriverOptions, layers: LayerLowers = new ExtractedLayers(options)) {
    this.name = layers.driver;
    this.#options = options;
    this.#directories = new DriverDirectories(options);
    this.#layers = layers;
  }

  async create(request: DriverRequest): Promise<Mount[]> {
    const { cacheId } = request;
    if (cacheId !== null) {
      const path = this.#options.directories.snapshot(cacheId);
      const { files, work, empty } = SNAPSHOT_FILES;
      for (const name of [files, work, empty]) await this.#directories.make(`${path}/${name}`);
    }
    const lowers = await this.#lowers(request);
    if (cacheId !== null && request.ancestors.length > 0) {
      // Overlayfs takes the attributes of the merged root from the upper directory.
      copyAttributes(lowers[0] as ByteString, fromText(this.#directories.files(cacheId)));
    }
    return overlayMounts(lowers, this.#upper(request));
  }

  async mounts(request: DriverRequest): Promise<Mount[]> {
    const { cacheId } = request;
    if (cacheId !== null) await this.#directory(cacheId, "the snapshot");
    return overlayMounts(await this.#lowers(request), this.#upper(request));
  }

  usage(cacheId: number): Promise<Usage> {
    return this.#directories.usage(cacheId);
  }

  sync(cacheId: number): Promise<void> {
    return this.#directories.sync(cacheId);
  }

  trim(needed: () => readonly (readonly Ancestor[])[]): void {
    this.#layers.trim(() => needed().map((ancestors) => stackOf(ancestors).layers));
  }

  #upper({ kind, cacheId }: DriverRequest): OverlayUpper {
    const { directories } = this.#options;
    return { kind, directory: cacheId === null ? null : fromText(directories.snapshot(cacheId)) };
  }

  /** Lower directories, the topmost first; each is made if it is not there. */
  async #lowers({ cacheId, ancestors, signal }: DriverRequest): Promise<ByteString[]> {
    const stack = stackOf(ancestors);
    // Below the directories lie two lowers at least.
    if (stack.directories.length + 2 > MAX_LOWERS) {
      throw new VarveError(
        "E_LIMIT",
        `Cannot mount by overlay: ${stack.directories.length} committed snapshots lie on each other, the kernel stacks ${MAX_LOWERS}`,
        { hint: "use the native driver for so many" },
      );
    }
    const above = await Promise.all(stack.directories.map((id) => this.#directory(id, "a parent")));
    const below = stack.layers.length > 0 ? await this.#layers.lowers(stack, signal) : [];
    const lowers = untilOpaque([...above, ...below]);
    // An overlay needs a lower, and without an upper two: below the lowest directory lies an empty one.
    if (lowers.length > above.length) return lowers;
    const lowest = stack.directories[lowers.length - 1] ?? cacheId as number;
    return [
      ...lowers,
      fromText(`${this.#options.directories.snapshot(lowest)}/${SNAPSHOT_FILES.empty}`),
    ];
  }

  async #directory(cacheId: number, what: string): Promise<ByteString> {
    if (!await this.#directories.isOverlays(cacheId)) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot mount by overlay: ${what} was made by the native driver`,
        { hint: "use --driver native" },
      );
    }
    return fromText(this.#directories.files(cacheId));
  }
}

/** Overlayfs does not ask whether the root of a lower is opaque, so what lies below one is left out. */
function untilOpaque(lowers: readonly ByteString[]): ByteString[] {
  const last = lowers.findIndex((lower) => getXattrAt(CWD, lower, OPAQUE) === "y");
  return last < 0 ? [...lowers] : lowers.slice(0, last + 1);
}
