import { joinBytes } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { Fd } from "../../linux/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { DiskStore } from "../../store/mod.ts";
import { encodeTree, type Tree } from "../../tree/mod.ts";
import { notingDamage } from "../read_tree.ts";
import type { ExtractPolicy, ExtractReport } from "./contract.ts";
import { extractJob } from "./extract_job.ts";

/** Options of {@linkcode extractTreeInPool}. */
export interface TreeExtraction {
  /** The pool, one worker of which extracts. */
  readonly pool: Pool;
  /** The store that holds layers. */
  readonly store: DiskStore;
  /** A layer tree. */
  readonly tree: Tree;
  /** Paths of the tars of all layers that hold content of the tree. */
  readonly tars: ReadonlyMap<DiffId, string>;
  /** Descriptor of an empty directory. */
  readonly target: Fd;
  /** What to leave out or to refuse. */
  readonly policy: ExtractPolicy;
  /** Cancels the extraction. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes written so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Extracts a tree, such as a part of an image, in a worker.
 *
 * @throws {VarveError} `E_DAMAGE`, `E_DIGEST` a layer is damaged, which is noted · the errors of `extractTree`
 */
export async function extractTreeInPool(options: TreeExtraction): Promise<ExtractReport> {
  const { pool, store, tree, tars, target, policy, signal, onProgress } = options;
  const input = {
    form: "root",
    trees: [],
    encoded: joinBytes(encodeTree(tree)),
    contents: [...tars],
    target,
    policy,
    phase: "all",
  } as const;
  const work = pool.run(extractJob, input, {
    signal,
    onProgress: ({ written }) => onProgress?.(written),
  });
  const stored = [...tars.keys()].filter((diffId) => store.layers.get(diffId) !== undefined);
  return await notingDamage(store.directories, stored, work);
}
