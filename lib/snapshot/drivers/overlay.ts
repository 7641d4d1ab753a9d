import { type ByteString, fromText } from "../../bytes/mod.ts";
import { copyAttributes } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  findMount,
  getXattrAt,
  type Mount,
  performMount,
  performUnmount,
  readMountInfo,
} from "../../linux/mod.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";
import type { Ancestor, Driver, DriverName, DriverRequest, Usage } from "../contract.ts";
import { type Part, partsOf } from "./ancestors.ts";
import type { DriverDirectories } from "./driver_directories.ts";
import type { LayerLowers } from "./layer_lowers.ts";
import { IMAGE_LOWERS, overlayMounts, type OverlayUpper, tooManyLowers } from "./overlay_plan.ts";

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
    if (cacheId !== null) await this.createExtract(cacheId);
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

  async createExtract(cacheId: number): Promise<void> {
    const path = this.#directories.snapshot(cacheId);
    const { files, work, empty } = SNAPSHOT_FILES;
    for (const name of [files, work, empty]) await this.#directories.make(`${path}/${name}`);
  }

  /** The lower is the empty directory of the snapshot. What lies below is mounted there. */
  extractMounts(cacheId: number): Mount[] {
    return overlayMounts([this.#empty(cacheId)], this.#upper({ kind: "active", cacheId }));
  }

  async showBelow(
    request: DriverRequest & { readonly cacheId: number },
    isNew: boolean,
  ): Promise<void> {
    const { cacheId } = request;
    const target = this.#empty(cacheId);
    if (findMount(readMountInfo(), target) !== undefined) return;
    const lowers = await this.#lowers(request);
    if (isNew) copyAttributes(lowers[0] as ByteString, fromText(this.#directories.files(cacheId)));
    for (const mount of overlayMounts(lowers, { kind: "view", directory: null })) {
      performMount(mount, target);
    }
  }

  async warm(ancestors: readonly Ancestor[], signal?: AbortSignal): Promise<void> {
    const top = partsOf(ancestors).at(-1);
    if (top?.kind === "layers") await this.#layers.warm?.(top.run, signal);
  }

  hideBelow(cacheId: number): void {
    const target = this.#empty(cacheId);
    if (findMount(readMountInfo(), target) !== undefined) performUnmount(target, { lazy: true });
  }

  #empty(cacheId: number): ByteString {
    return fromText(`${this.#directories.snapshot(cacheId)}/${SNAPSHOT_FILES.empty}`);
  }

  usage(cacheId: number): Promise<Usage> {
    return this.#directories.usage(cacheId);
  }

  sync(cacheId: number): Promise<void> {
    return this.#directories.sync(cacheId);
  }

  #upper({ kind, cacheId }: Pick<DriverRequest, "kind" | "cacheId">): OverlayUpper {
    const directory = cacheId === null ? null : fromText(this.#directories.snapshot(cacheId));
    return { kind, directory };
  }

  /** Paths of the lower directories, topmost first. Makes the lowers that are missing. */
  async #lowers({ cacheId, ancestors, signal }: DriverRequest): Promise<ByteString[]> {
    const parts = partsOf(ancestors);
    // Below directories comes an empty one.
    const most = parts[0]?.kind === "layers" ? IMAGE_LOWERS : IMAGE_LOWERS - 1;
    if (leastOf(parts) > most) throw tooManyLowers();
    let lowers: Lower[] = [];
    for (const [i, part] of parts.entries()) {
      if (part.kind === "directory") {
        const { cacheId } = part;
        lowers.unshift({ path: this.#changes(cacheId, "a parent"), cacheId, hides: true });
      } else {
        const room = most - lowers.length - leastOf(parts.slice(i + 1));
        const place = { below: lowers.map(({ path }) => path), room };
        const paths = await this.#layers.lowers(part.run, place, signal);
        const hides = part.run.below !== null;
        lowers.unshift(...paths.map((path) => ({ path, cacheId: null, hides })));
      }
      lowers = untilOpaque(once(lowers));
    }
    const paths = lowers.map(({ path }) => path);
    // The lowest lower of an overlay must have nothing to hide. And an overlay needs one lower, or two lowers if it has
    // no upper.
    if (lowers.at(-1)?.hides === false) return paths;
    const lowest = lowers.findLast(({ cacheId }) => cacheId !== null)?.cacheId ??
      parts.find((part) => part.kind === "directory")?.cacheId ?? cacheId as number;
    return [
      ...paths,
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

/** A lower of an overlay. */
interface Lower {
  /** Absolute path of the directory. */
  readonly path: ByteString;
  /** Cache id of the committed snapshot whose directory it is; `null` for layers. */
  readonly cacheId: number | null;
  /** Whether it may hold whiteouts, which a lower below it must not show. */
  readonly hides: boolean;
}

/** The least number of lowers that parts need. Layers that are extracted need one more, for attributes. */
function leastOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { kind }) => sum + (kind === "directory" ? 1 : 2), 0);
}

/**
 * Leaves out a lower that is there again higher up, because overlayfs refuses a directory that is a lower twice. The
 * higher one hides all that the other shows.
 */
function once(lowers: readonly Lower[]): Lower[] {
  const paths = new Set<ByteString>();
  return lowers.filter(({ path }) => !paths.has(path) && paths.add(path));
}

/** Leaves out all lowers below a lower with an opaque root, because overlayfs ignores that mark on a root. */
function untilOpaque(lowers: readonly Lower[]): Lower[] {
  const last = lowers.findIndex(({ path }) => getXattrAt(CWD, path, OPAQUE) === "y");
  return last < 0 ? [...lowers] : lowers.slice(0, last + 1);
}
