import { diffTrees } from "../../layer/mod.ts";
import type { LayerTarget, Pool } from "../../pool/mod.ts";
import { decodeTree, emptyTree, encodeTree, type Tree } from "../../tree/mod.ts";
import { together } from "../together.ts";
import { joinBytes } from "./bytes.ts";
import type { ScanBase, ScanPart, ScanPlace } from "./contract.ts";
import { type DirectoryLayer, directoryLayerJob, listJob, scanJob } from "./job.ts";
import { dealDirectories } from "./list.ts";
import type { ScanRules } from "./scan.ts";

/** What {@linkcode scanInPool} needs. */
export interface PoolScan extends ScanPlace {
  /** Runs the jobs. */
  readonly pool: Pool;
  /** What the directory is compared with. */
  readonly base: ScanBase;
  /** How entries are judged, where not by default. */
  readonly rules?: ScanRules;
  /** Into how many parts the directories are dealt out; by their number when absent. */
  readonly parts?: number;
  /** Where tar and tree go; without it only the tree is made. */
  readonly target?: LayerTarget;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of the layer made so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** More parts than workers, so that no worker waits long for another's large files. */
const PARTS_PER_WORKER = 4;

/** Below so many names one worker is done before several have begun. */
const FEW_NAMES = 4096;

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
  const run = signal === undefined ? {} : { signal };
  const directories = await pool.run(listJob, place, run);
  const names = directories.reduce((sum, { names }) => sum + names, 0);
  const alone = pool.inline || pool.size === 1 || names <= FEW_NAMES;
  const count = options.parts ?? (alone ? 1 : pool.size * PARTS_PER_WORKER);
  const dealt = dealDirectories(directories, count);
  const parts: ScanPart[] = await together(
    dealt.map((directories) => (signal: AbortSignal) =>
      pool.run(scanJob, { place, base, directories, rules }, { signal })
    ),
    signal,
  );
  return await pool.run(directoryLayerJob, { place, base, parts, rules, target }, {
    ...run,
    ...(onProgress === undefined ? {} : { onProgress: ({ read }) => onProgress(read) }),
  });
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
