import { fromText } from "../../bytes/mod.ts";
import { copyInPool } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import { bindMount, type Mount } from "../../linux/mod.ts";
import type { Driver, DriverRequest, Usage } from "../contract.ts";
import { type Stack, stackOf } from "./ancestors.ts";
import type { DriverOptions } from "./driver_options.ts";
import { DriverDirectories } from "./snapshot_directories.ts";

/** Plain directories: every snapshot is a whole file system of its own. Works everywhere, costs a copy. */
export class NativeDriver implements Driver {
  readonly name = "native";
  readonly #options: DriverOptions;
  readonly #directories: DriverDirectories;

  /** A driver over a store with directories. */
  constructor(options: DriverOptions) {
    this.#options = options;
    this.#directories = new DriverDirectories(options);
  }

  async create(request: DriverRequest): Promise<Mount[]> {
    const { cacheId, ancestors, signal } = request;
    if (cacheId !== null) {
      const target = this.#directories.files(cacheId);
      await this.#directories.make(target);
      const { directories: [top], layers } = stackOf(ancestors);
      if (top !== undefined) {
        const source = await this.#whole(top, "a parent");
        await copyInPool(this.#options.pool, source, target);
      } else if (layers.length > 0) {
        await this.#directories.extract(target, { diffIds: layers, form: "root", signal });
      }
    }
    return await this.mounts(request);
  }

  async mounts({ kind, cacheId, ancestors, signal }: DriverRequest): Promise<Mount[]> {
    const source = cacheId === null
      ? await this.#parent(stackOf(ancestors), signal)
      : await this.#whole(cacheId, "the snapshot");
    return [bindMount(fromText(source), { readOnly: kind === "view", recursive: true })];
  }

  usage(cacheId: number): Promise<Usage> {
    return this.#directories.usage(cacheId);
  }

  sync(cacheId: number): Promise<void> {
    return this.#directories.sync(cacheId);
  }

  /** Nothing is mounted below a native snapshot. */
  trim(): void {}

  /** The directory of a view: nobody may write it. */
  async #parent(
    { directories: [top], layers }: Stack,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    if (top !== undefined) return await this.#whole(top, "a parent");
    const { store, directories } = this.#options;
    const chainId = store.chains.ensure(layers);
    return await directories.ensure(
      { chainId },
      this.#directories.shared,
      (temporary) =>
        this.#directories.extract(temporary, { diffIds: layers, form: "root", signal }),
      { signal },
    );
  }

  /** The files of a snapshot, which must be all that it shows: an overlay's are only what it changes. */
  async #whole(cacheId: number, what: string): Promise<string> {
    if (await this.#directories.isOverlays(cacheId)) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot use the native driver: ${what} was made by the overlay driver`,
        { hint: "use --driver overlay" },
      );
    }
    return this.#directories.files(cacheId);
  }
}
