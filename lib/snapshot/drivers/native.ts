import { fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { bindMount, type Mount } from "../../linux/mod.ts";
import type { Ancestor, Driver, DriverRequest, Usage } from "../contract.ts";
import { type Stack, stackOf } from "./ancestors.ts";
import type { DriverDirectories } from "./driver_directories.ts";

/** Plain directories. Every snapshot is a complete copy of its root. This works everywhere, but costs a copy. */
export class NativeDriver implements Driver {
  readonly name = "native";
  readonly #directories: DriverDirectories;

  /** Does not make anything yet. */
  constructor(directories: DriverDirectories) {
    this.#directories = directories;
  }

  async create(request: DriverRequest): Promise<Mount[]> {
    const { cacheId, ancestors, signal } = request;
    if (cacheId !== null) {
      await this.createExtract(cacheId);
      await this.#fill(cacheId, ancestors, signal);
    }
    return await this.mounts(request);
  }

  async #fill(
    cacheId: number,
    ancestors: readonly Ancestor[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // The new directory is like the root of an image without layers.
    if (ancestors.length === 0) return;
    const { directories: [top], layers } = stackOf(ancestors);
    if (top !== undefined) {
      await this.#directories.copy(
        this.#whole(top, "a parent"),
        this.#directories.files(cacheId),
        signal,
      );
      await this.#directories.copyLeftOut(top, cacheId);
    } else {
      await this.#directories.extractSnapshot(cacheId, layers, signal);
    }
  }

  async createExtract(cacheId: number): Promise<void> {
    await this.#directories.make(this.#directories.files(cacheId));
  }

  extractMounts(cacheId: number): Mount[] {
    return [bindMount(fromText(this.#directories.files(cacheId)), { recursive: true })];
  }

  async showBelow(
    { cacheId, ancestors, signal }: DriverRequest & { readonly cacheId: number },
    isNew: boolean,
  ): Promise<void> {
    if (isNew) await this.#fill(cacheId, ancestors, signal);
  }

  /** A copy is not small. */
  warm(): Promise<void> {
    return Promise.resolve();
  }

  /** It was copied into the files of the snapshot. */
  hideBelow(): void {}

  async mounts({ kind, cacheId, ancestors, signal }: DriverRequest): Promise<Mount[]> {
    const source = cacheId === null
      ? await this.#parent(stackOf(ancestors), signal)
      : this.#whole(cacheId, "the snapshot");
    return [bindMount(fromText(source), { readOnly: kind === "view", recursive: true })];
  }

  usage(cacheId: number): Promise<Usage> {
    return this.#directories.usage(cacheId);
  }

  sync(cacheId: number): Promise<void> {
    return this.#directories.sync(cacheId);
  }

  /** Path of the files that a view shows: those of the parent, which never change again, or the extracted chain. */
  async #parent(
    { directories: [top], layers }: Stack,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    return top === undefined
      ? await this.#directories.ofChain(layers, "root", signal)
      : this.#whole(top, "a parent");
  }

  /**
   * Path of a snapshot's files. They must be its complete root. A snapshot of the overlay driver has only its changes.
   */
  #whole(cacheId: number, what: string): string {
    if (this.#directories.isOverlays(cacheId)) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot use the native driver: ${what} was made by the overlay driver`,
        { hint: "use the overlay driver" },
      );
    }
    return this.#directories.files(cacheId);
  }
}
