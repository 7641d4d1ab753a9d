import type { Mount } from "../../linux/mod.ts";
import type { Ancestor, Driver, DriverName, DriverRequest, Usage } from "../contract.ts";
import type { DriverDirectories } from "./driver_directories.ts";

/**
 * An overlay driver, and the native driver for what that one made before: the best driver may have been another one
 * then, or its trial failed for a moment. An overlay cannot have such a complete copy as its upper directory or lower.
 */
export class FollowSnapshots implements Driver {
  readonly name: DriverName;
  readonly #directories: DriverDirectories;
  readonly #overlay: Driver;
  readonly #native: Driver;

  /** Does not make anything yet. */
  constructor(directories: DriverDirectories, overlay: Driver, native: Driver) {
    this.name = overlay.name;
    this.#directories = directories;
    this.#overlay = overlay;
    this.#native = native;
  }

  /** The driver that made a snapshot. */
  #makerOf(cacheId: number): Driver {
    return this.#directories.isOverlays(cacheId) ? this.#overlay : this.#native;
  }

  /** The driver for what lies on these ancestors: the one that made the topmost directory. */
  #above(ancestors: readonly Ancestor[]): Driver {
    const directory = ancestors.find((ancestor) => ancestor.kind === "directory");
    return directory === undefined ? this.#overlay : this.#makerOf(directory.cacheId);
  }

  async create(request: DriverRequest): Promise<Mount[]> {
    return await this.#above(request.ancestors).create(request);
  }

  async mounts(request: DriverRequest): Promise<Mount[]> {
    const { cacheId, ancestors } = request;
    const driver = cacheId === null ? this.#above(ancestors) : this.#makerOf(cacheId);
    return await driver.mounts(request);
  }

  createExtract(cacheId: number): Promise<void> {
    return this.#overlay.createExtract(cacheId);
  }

  extractMounts(cacheId: number): Mount[] {
    return this.#makerOf(cacheId).extractMounts(cacheId);
  }

  async showBelow(
    request: DriverRequest & { readonly cacheId: number },
    isNew: boolean,
  ): Promise<void> {
    await this.#makerOf(request.cacheId).showBelow(request, isNew);
  }

  async warm(ancestors: readonly Ancestor[], signal?: AbortSignal): Promise<void> {
    await this.#above(ancestors).warm(ancestors, signal);
  }

  hideBelow(cacheId: number): void {
    this.#overlay.hideBelow(cacheId);
  }

  usage(cacheId: number): Promise<Usage> {
    return this.#overlay.usage(cacheId);
  }

  sync(cacheId: number): Promise<void> {
    return this.#overlay.sync(cacheId);
  }
}
