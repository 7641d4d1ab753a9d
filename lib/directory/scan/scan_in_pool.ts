import { joinBytes } from "../../bytes/mod.ts";
import { diffTrees, type Warning } from "../../layer/mod.ts";
import type { LayerJobOutput, LayerTarget } from "../../layer_job/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import type { Pool } from "../../pool/mod.ts";
import { decodeTree, emptyTree, encodeTree, type Tree } from "../../tree/mod.ts";
import type { ScanBase, ScanPart, ScanPlace } from "./contract.ts";
import { directoryLayerJob } from "./directory_layer_job.ts";
import { dealDirectories } from "./list_directories.ts";
import { mergeWarnings } from "./merge_warnings.ts";
import type { ScanRules } from "./scan_directories.ts";
import { assembleJob, listJob, scanJob } from "./scan_jobs.ts";

/** What {@linkcode scanInPool} needs. */
export interface PoolScan extends ScanPlace {
  /** Runs the jobs. */
  readonly pool: Pool;
  /** What the directory is compared with. */
  readonly base: ScanBase;
  /** How entries are judged, where not by default. */
  readonly rules?: ScanRules | undefined;
  /** Into how many parts the directories are dealt out; by their number when absent. */
  readonly parts?: number | undefined;
  /** Where tar and tree go; without it only the tree is made. */
  readonly target?: LayerTarget | undefined;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of the layer made so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What a directory changes. */
export interface DirectoryLayer {
  /** The layer as if it had been loaded; `null` when there is none or none was wanted. */
  readonly layer: LayerJobOutput | null;
  /** The layer tree in its file form, contents told; `null` where it went to the target. */
  readonly tree: Uint8Array | null;
  /** Whether nothing changes. */
  readonly empty: boolean;
  /** What was left out. */
  readonly warnings: readonly Warning[];
}

/** More parts than workers, so that no worker waits long for another's large files. */
const PARTS_PER_WORKER = 4;

/** Names that are worth opening the base for, once more. */
const NAMES_PER_PART = 2048;

/**
 * What a directory changes on a base, as a layer: tar, tree and digests, as if it had been loaded. The
 * number of workers leaves no trace in it.
 *
 * @throws {VarveError} `E_BUSY` something changed meanwhile · `E_XDEV` a mount inside · `E_WHITEOUT_NAME` a name
 * that a layer cannot hold · `E_PRECONDITION` an upper directory whose data lie elsewhere · `E_XATTR` ·
 * `E_LIMIT` · `E_SYSCALL`
 */
export async function scanInPool(options: PoolScan): Promise<DirectoryLayer> {
  const { pool, base, rules = {}, target = null, signal, onProgress } = options;
  const place: ScanPlace = { root: options.root, form: options.form };
  const run = { signal };
  const directories = await pool.run(listJob, place, run);
  const names = directories.reduce((sum, { names }) => sum + names, 0);
  const most = pool.inline || pool.size === 1 ? 1 : pool.size * PARTS_PER_WORKER;
  const count = options.parts ?? Math.min(most, Math.ceil(names / NAMES_PER_PART));
  const dealt = dealDirectories(directories, count);
  const parts: ScanPart[] = await boundedParallel(
    dealt,
    (directories, signal) => pool.run(scanJob, { place, base, directories, rules }, { signal }),
    run,
  );
  const told = {
    ...run,
    onProgress: onProgress === undefined
      ? undefined
      : ({ read }: { read: number }) => onProgress(read),
  };
  const { tree, empty, warnings } = await pool.run(
    assembleJob,
    { place, base, parts, rules, read: target === null },
    target === null ? told : run,
  );
  if (target === null) return { layer: null, tree, empty, warnings };
  if (empty) return { layer: null, tree: null, empty, warnings };
  const bytes = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const layer = await pool.run(directoryLayerJob, { place, tree, bytes, rules, target }, told);
  return { layer, tree: null, empty, warnings: mergeWarnings([warnings, layer.warnings]) };
}

/** A root tree as a base. */
export function baseOf(tree: Tree): ScanBase {
  return { files: [], above: [joinBytes(encodeTree(diffTrees(emptyTree("root"), tree)))] };
}

/** The layer tree of a scan without a target. */
export async function scanTree(options: Omit<PoolScan, "target">): Promise<ScannedTree> {
  const { tree, warnings } = await scanInPool(options);
  return { tree: decodeTree(tree as Uint8Array), warnings };
}

/** A layer tree, and what was left out of it. */
export interface ScannedTree {
  /** What the directory changes, as a layer tree. */
  readonly tree: Tree;
  /** What was left out. */
  readonly warnings: DirectoryLayer["warnings"];
}
