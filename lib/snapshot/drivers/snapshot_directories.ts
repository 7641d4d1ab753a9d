import { fromText } from "../../bytes/mod.ts";
import {
  disinherit,
  extractInPool,
  type PoolExtraction,
  syncInPool,
  usageInPool,
} from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import { CWD, openDirectoryAt, ownFd } from "../../linux/mod.ts";
import { DRIVER_FILES, SNAPSHOT_FILES } from "../../store/internal.ts";
import type { Usage } from "../contract.ts";
import type { DriverOptions } from "./driver_options.ts";

/** What drivers do alike with the directories of the store. */
export class DriverDirectories {
  readonly #options: DriverOptions;

  /** Over a store's. */
  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** The name of a directory that layers are extracted into, which snapshots share: what its name says is in it. */
  get shared(): string {
    const { devices } = this.#options;
    return devices === "keep" ? DRIVER_FILES.files : `${DRIVER_FILES.files}-${devices}`;
  }

  /** The files of a snapshot. */
  files(cacheId: number): string {
    return `${this.#options.directories.snapshot(cacheId)}/${SNAPSHOT_FILES.files}`;
  }

  /**
   * Makes a new directory of mode 0755, whatever the umask and the directories above, and of the time that a root
   * has without a layer.
   */
  async make(path: string): Promise<void> {
    await Deno.mkdir(path);
    disinherit(path, 0o755);
    await Deno.utime(path, 0, 0);
  }

  /** Whether the overlay driver made a snapshot. @throws {VarveError} `E_DAMAGE` when its directory is gone */
  async isOverlays(cacheId: number): Promise<boolean> {
    const path = this.#options.directories.snapshot(cacheId);
    if (!await exists(`${path}/${SNAPSHOT_FILES.files}`)) {
      throw new VarveError("E_DAMAGE", `Cannot use snapshot directory ${path}: it is not whole`);
    }
    return await exists(`${path}/${SNAPSHOT_FILES.work}`);
  }

  /** Extracts layers into a directory, all owners kept. */
  async extract(
    target: string,
    what: Pick<PoolExtraction, "diffIds" | "form" | "signal">,
  ): Promise<void> {
    const { pool, store, devices } = this.#options;
    const whiteouts = what.form === "root" ? "none" : "overlay";
    using directory = ownFd(openDirectoryAt(CWD, fromText(target)));
    await extractInPool({
      pool,
      store,
      target: directory.fd,
      policy: { whiteouts, owners: "keep", devices },
      ...what,
    });
  }

  /** Measures the files of a snapshot. */
  usage(cacheId: number): Promise<Usage> {
    return usageInPool(this.#options.pool, this.files(cacheId));
  }

  /** Puts the files of a snapshot on the disk. */
  sync(cacheId: number): Promise<void> {
    return syncInPool(this.#options.pool, this.files(cacheId));
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
