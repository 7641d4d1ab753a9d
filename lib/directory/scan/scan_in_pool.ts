import type { Warning } from "../../layer/mod.ts";
import type { LayerJobOutput, LayerTarget } from "../../layer_job/mod.ts";
import { boundedParallel, type BriefJob } from "../../pool/internal.ts";
import type { Job, Pool } from "../../pool/mod.ts";
import type { ScanBase, ScanPart, ScanPlace } from "./contract.ts";
import { directoryLayerJob } from "./directory_layer_job.ts";
import { divideDirectories } from "./list_directories.ts";
import { mergeWarnings } from "./merge_warnings.ts";
import type { ScanRules } from "./scan_directories.ts";
import { assembleJob, listJob, scanJob } from "./scan_jobs.ts";
import { isSmallTree } from "./small_tree.ts";

/** Options of {@linkcode scanInPool}. */
export interface PoolScan extends ScanPlace {
  /** The pool that runs the jobs. */
  readonly pool: Pool;
  /** The base that the directory is compared with. */
  readonly base: ScanBase;
  /** Rules of the scan that differ from the defaults. */
  readonly rules?: ScanRules | undefined;
  /**
   * Number of parts into which the directories are divided. The default depends on the number of
   * names.
   */
  readonly parts?: number | undefined;
  /** Where tar and tree are written. When absent, only the tree is made. */
  readonly target?: LayerTarget | undefined;
  /** Cancels the scan. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes of the layer so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** The changes of a directory compared with its base. */
export interface DirectoryLayer {
  /** The layer, as a load would return it; `null` when nothing changed, or without a target. */
  readonly layer: LayerJobOutput | null;
  /**
   * The layer tree in file form, with the digests of contents. It is `null` when a target is given,
   * because the tree is written there.
   */
  readonly tree: Uint8Array | null;
  /** Whether the directory changes nothing. */
  readonly empty: boolean;
  /** Warnings about things that a layer cannot hold, and things that the policy left out. */
  readonly warnings: readonly Warning[];
}

/**
 * There are more parts than workers, so that no worker waits long for another worker with large
 * files.
 */
const PARTS_PER_WORKER = 4;

/**
 * Minimum number of names in a part. With fewer names, opening the base once more costs more than
 * it saves.
 */
const NAMES_PER_PART = 2048;

/**
 * Makes a layer from the changes of a directory compared with a base: tar, tree and digests, as a
 * load would return them. The result does not depend on the number of workers.
 *
 * @throws {VarveError} `E_BUSY` a file changed during the scan · `E_XDEV` a file system is mounted
 * inside · `E_WHITEOUT_NAME` a name that a layer cannot hold · `E_PRECONDITION` an upper directory
 * whose data is in another directory · `E_XATTR` · `E_LIMIT` · `E_SYSCALL`
 */
export async function scanInPool(options: PoolScan): Promise<DirectoryLayer> {
  const { pool, base, rules = {}, target = null, signal, onProgress } = options;
  const place: ScanPlace = { root: options.root, form: options.form };
  const run = { signal };
  const small = isSmallTree(place.root);
  if (!small) pool.prepare("extract");
  const sized = <Input, Output>(job: Job<Input, Output>): BriefJob<Input, Output> => ({
    ...job,
    isBrief: () => small,
  });
  const directories = await pool.run(sized(listJob), place, run);
  const names = directories.reduce((sum, { names }) => sum + names, 0);
  const most = pool.inline || pool.size === 1 ? 1 : pool.size * PARTS_PER_WORKER;
  const count = options.parts ?? Math.min(most, Math.ceil(names / NAMES_PER_PART));
  const divided = divideDirectories(directories, count);
  const parts: ScanPart[] = await boundedParallel(
    divided,
    (directories, signal) =>
      pool.run(sized(scanJob), { place, base, directories, rules }, { signal }),
    run,
  );
  const reporting = {
    ...run,
    onProgress: onProgress === undefined
      ? undefined
      : ({ read }: { read: number }) => onProgress(read),
  };
  const { tree, empty, warnings } = await pool.run(
    sized(assembleJob),
    { place, base, parts, rules, read: target === null },
    target === null ? reporting : run,
  );
  if (target === null) return { layer: null, tree, empty, warnings };
  if (empty) return { layer: null, tree: null, empty, warnings };
  const bytes = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const layer = await pool.run(
    sized(directoryLayerJob),
    { place, tree, bytes, rules, target },
    reporting,
  );
  return { layer, tree: null, empty, warnings: mergeWarnings([warnings, layer.warnings]) };
}
