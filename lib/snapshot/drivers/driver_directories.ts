import { fromText } from "../../bytes/mod.ts";
import type { Above } from "../../compose/internal.ts";
import type { ChainId, DiffId } from "../../digest/mod.ts";
import {
  copyInPool,
  disinherit,
  extractInPool,
  leftOutOf,
  type PoolExtraction,
  readLeftOut,
  syncInPool,
  usageInPool,
  writeLeftOut,
} from "../../directory/internal.ts";
import type { ExtractReport } from "../../directory/mod.ts";
import { VarveError } from "../../errors.ts";
import { CWD, openDirectoryAt, ownFd, tryStatAt } from "../../linux/mod.ts";
import { aboveName, derivedName, DRIVER_FILES, SNAPSHOT_FILES } from "../../store/internal.ts";
import type { Usage } from "../contract.ts";
import type { DriverOptions, ExtractProgress } from "./driver_options.ts";

/** The layers to extract into a directory, and how to apply them. */
type Extraction = Pick<PoolExtraction, "diffIds" | "form" | "lowers" | "signal">;

/** The store's directories that drivers use: directories of snapshots, and extracted layers that snapshots share. */
export class DriverDirectories {
  readonly #options: DriverOptions;

  /** Does not open anything. */
  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** Number of jobs that run at the same time. */
  get jobsAtOnce(): number {
    return this.#options.pool.size;
  }

  /** Absolute path of `snapshots/<cache id>`. */
  snapshot(cacheId: number): string {
    return this.#options.store.directories.snapshot(cacheId);
  }

  /** Absolute path of the directory with a snapshot's files. */
  files(cacheId: number): string {
    return `${this.snapshot(cacheId)}/${SNAPSHOT_FILES.files}`;
  }

  /**
   * Makes a new directory of mode 0755 and mtime 0, as for the root of an image without layers. The umask and the
   * parent's ACL do not change the mode.
   */
  async make(path: string): Promise<void> {
    await Deno.mkdir(path);
    disinherit(path, 0o755);
    await Deno.utime(path, 0, 0);
  }

  /**
   * Whether the snapshot with this cache id was made by the overlay driver.
   *
   * @throws {VarveError} `E_DAMAGE` when its directory is gone
   */
  isOverlays(cacheId: number): boolean {
    const path = this.snapshot(cacheId);
    if (!isDirectory(this.files(cacheId))) {
      throw new VarveError("E_DAMAGE", `Cannot use snapshot directory ${path}: it is incomplete`);
    }
    return isDirectory(`${path}/${SNAPSHOT_FILES.work}`);
  }

  /**
   * Absolute path of the extracted files of a layer. The first call extracts them, and so does the first call after the
   * layer was repaired.
   */
  async ofLayer(diffId: DiffId, signal?: AbortSignal): Promise<string> {
    return await this.#shared({ diffId }, { diffIds: [diffId], form: "layer", signal });
  }

  /**
   * Absolute path of the extraction of a chain: the complete root, or (`attributes`) only the directories that would
   * have wrong attributes in an overlay of the layers. The first call extracts it.
   */
  async ofChain(
    diffIds: readonly DiffId[],
    form: "attributes" | "root",
    signal?: AbortSignal,
  ): Promise<string> {
    const chainId = this.#options.store.chains.ensure(diffIds);
    return await this.#shared({ chainId }, { diffIds, form, signal });
  }

  /**
   * Absolute path of the directories that would have wrong attributes in an overlay of layers that lie on other
   * directories. The first call extracts it.
   */
  async attributesAbove(
    diffIds: readonly DiffId[],
    { below, lowers }: Above,
    signal?: AbortSignal,
  ): Promise<string> {
    const chainId = this.#options.store.chains.ensure(diffIds);
    const name = aboveName(DRIVER_FILES.attributes, below);
    const extraction = { diffIds, form: "attributes", lowers, signal } as const;
    return await this.#shared({ chainId }, extraction, name);
  }

  async #shared(
    owner: { readonly diffId: DiffId } | { readonly chainId: ChainId },
    extraction: Extraction,
    attributes: string = DRIVER_FILES.attributes,
  ): Promise<string> {
    const { store: { directories }, devices } = this.#options;
    const { signal, form, diffIds } = extraction;
    // The name contains the setting for device nodes, so each setting has its own directories. It also contains the
    // generation: a directory that was extracted before a repair may be mounted, so it stays beside the new one.
    const files = devices === "keep" ? DRIVER_FILES.files : `${DRIVER_FILES.files}-${devices}`;
    const name = derivedName(
      form === "attributes" ? attributes : files,
      directories.generation(diffIds, "chainId" in owner ? owner.chainId : undefined),
    );
    const fill = async (temporary: string) => void await this.extract(temporary, extraction);
    return await directories.ensure(owner, name, fill, { signal });
  }

  /**
   * Extracts layers into the directory of a snapshot. Records what this user could not make or set, so that a later
   * commit does not mistake it for a change.
   */
  async extractSnapshot(
    cacheId: number,
    diffIds: readonly DiffId[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const report = await this.extract(this.files(cacheId), { diffIds, form: "root", signal });
    await writeLeftOut(this.snapshot(cacheId), leftOutOf(report));
  }

  /**
   * Copies the record of snapshot `from` (see {@linkcode extractSnapshot}) to snapshot `to`. The files of `to` are a copy
   * of the files of `from`. Without a record it does nothing.
   */
  async copyLeftOut(from: number, to: number): Promise<void> {
    const leftOut = await readLeftOut(this.snapshot(from));
    if (leftOut !== null) await writeLeftOut(this.snapshot(to), leftOut);
  }

  /** Extracts layers into a directory. All owners are kept, as far as this user may set them. */
  async extract(target: string, extraction: Extraction): Promise<ExtractReport> {
    const { pool, store, devices } = this.#options;
    const whiteouts = extraction.form === "root" ? "none" : "overlay";
    using directory = ownFd(openDirectoryAt(CWD, fromText(target)));
    const report = this.#reporter(extraction);
    const extracted = await extractInPool({
      pool,
      store,
      target: directory.fd,
      policy: { whiteouts, owners: "keep", devices },
      onProgress: (written) => report?.(written, "running"),
      ...extraction,
    });
    report?.(extracted.bytes, "done");
    return extracted;
  }

  /**
   * Returns a function that reports the progress of an extraction; `undefined` when the caller wants no reports, or when
   * no content is extracted.
   */
  #reporter(
    { diffIds, form }: Extraction,
  ): ((written: number, state: ExtractProgress["state"]) => void) | undefined {
    const { onExtract, store } = this.#options;
    if (onExtract === undefined || form === "attributes") return undefined;
    const total = diffIds.reduce((sum, diffId) => sum + (store.layers.get(diffId)?.size ?? 0), 0);
    return (written, state) => onExtract({ diffIds, total, written, state });
  }

  /** Copies the content of one directory into another. */
  async copy(source: string, target: string, signal: AbortSignal | undefined): Promise<void> {
    await copyInPool(this.#options.pool, source, target, signal);
  }

  /** Measures the files of a snapshot. */
  usage(cacheId: number): Promise<Usage> {
    return usageInPool(this.#options.pool, this.files(cacheId));
  }

  /** Syncs the files of a snapshot to the disk. */
  sync(cacheId: number): Promise<void> {
    return syncInPool(this.#options.pool, this.files(cacheId));
  }
}

function isDirectory(path: string): boolean {
  return tryStatAt(CWD, fromText(path))?.type === "directory";
}
