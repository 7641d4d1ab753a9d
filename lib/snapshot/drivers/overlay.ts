import { type ByteString, fromText } from "../../bytes/mod.ts";
import { copyAttributes } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import { CWD, getXattrAt, type Mount } from "../../linux/mod.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";
import type { Ancestor, Driver, DriverName, DriverRequest, Usage } from "../contract.ts";
import { stackOf } from "./ancestors.ts";
import type { DriverDirectories } from "./driver_directories.ts";
import type { LayerLowers } from "./layer_lowers.ts";
import { IMAGE_LOWERS, MAX_LOWERS, overlayMounts, type OverlayUpper } from "./overlay_plan.ts";

const OPAQUE = "trusted.overlay.opaque" as ByteString;

/**
 * Layers as lower directories, stacked by overlayfs under the upper directory of the snapshot.
 *
 * A {@linkcode LayerLowers} makes the lowers: one composed image, or extracted directories. An extracted directory
 * belongs to a diffID, so that all chains with the layer share it. Only the attributes of implied directories depend on
 * the chain. They are in one more lower on top, which belongs to the chain.
 */
export class OverlayDriver implements Driver {
  readonly name: DriverName;
  readonly #directories: DriverDirectories;
  readonly #layers: LayerLowers;

  /** Does not make anything yet. The driver has the name that `layers` gives. */
  constructor(directories: DriverDirectories, layers: LayerLowers) {
    this.name = layers.driver;
    this.#directories = directories;
    this.#layers = layers;
  }

  async create(request: DriverRequest): Promise<Mount[]> {
    const { cacheId } = request;
    if (cacheId !== null) {
      const path = this.#directories.snapshot(cacheId);
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
    if (cacheId !== null) this.#changes(cacheId, "the snapshot");
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
    const directory = cacheId === null ? null : fromText(this.#directories.snapshot(cacheId));
    return { kind, directory };
  }

  /** Paths of the lower directories, topmost first. Makes the lowers that are missing. */
  async #lowers({ cacheId, ancestors, signal }: DriverRequest): Promise<ByteString[]> {
    const stack = stackOf(ancestors);
    // Below the committed directories: at least two lowers for layers that are extracted, else one empty directory.
    const below = stack.layers.length > 0 ? 2 : 1;
    if (stack.directories.length + below > IMAGE_LOWERS) {
      throw new VarveError(
        "E_LIMIT",
        `Cannot mount by overlay: ${stack.directories.length} committed snapshots are stacked, the kernel allows ${MAX_LOWERS}`,
        { hint: "use the native driver" },
      );
    }
    const above = stack.directories.map((id) => this.#changes(id, "a parent"));
    const layers = stack.layers.length > 0 ? await this.#layers.lowers(stack, signal) : [];
    const lowers = untilOpaque([...above, ...layers]);
    // An overlay needs one lower, or two lowers if it has no upper. If no layer is among the lowers, the empty
    // directory of the lowest snapshot is added at the bottom.
    if (lowers.length > above.length) return lowers;
    const lowest = stack.directories[lowers.length - 1] ?? cacheId as number;
    return [
      ...lowers,
      fromText(`${this.#directories.snapshot(lowest)}/${SNAPSHOT_FILES.empty}`),
    ];
  }

  /** Path of a snapshot's upper directory, which holds only what it changes. */
  #changes(cacheId: number, what: string): ByteString {
    if (!this.#directories.isOverlays(cacheId)) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot mount by overlay: ${what} was made by the native driver`,
        { hint: "use the native driver" },
      );
    }
    return fromText(this.#directories.files(cacheId));
  }
}

/** Leaves out all lowers below a lower with an opaque root, because overlayfs ignores that mark on a root. */
function untilOpaque(lowers: readonly ByteString[]): ByteString[] {
  const last = lowers.findIndex((lower) => getXattrAt(CWD, lower, OPAQUE) === "y");
  return last < 0 ? [...lowers] : lowers.slice(0, last + 1);
}
