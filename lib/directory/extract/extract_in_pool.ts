import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { Fd } from "../../linux/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import type { Pool } from "../../pool/mod.ts";
import type { DiskStore } from "../../store/mod.ts";
import { notingDamage } from "../read_tree.ts";
import type { ExtractPolicy, ExtractReport } from "./contract.ts";
import { type ExtractForm, extractJob, type ExtractJobInput } from "./extract_job.ts";
import { addReports } from "./extract_report.ts";

/** Options of {@linkcode extractInPool}. */
export interface PoolExtraction {
  /** The pool that runs the phases and parts. */
  readonly pool: Pool;
  /** The store that holds the layers. */
  readonly store: DiskStore;
  /** The layers, lowest first. */
  readonly diffIds: readonly DiffId[];
  /** What to extract from the layers. */
  readonly form: ExtractForm;
  /** As in {@linkcode ExtractJobInput.lowers}. */
  readonly lowers?: readonly ByteString[] | undefined;
  /** Descriptor of an empty directory, which all threads share. */
  readonly target: Fd;
  /** What to leave out or to refuse. */
  readonly policy: ExtractPolicy;
  /** Cancels the extraction. A part that is running stops at its next checkpoint. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes written so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * There are more parts than workers, so that no worker waits long for another worker with large
 * files.
 */
const PARTS_PER_WORKER = 4;

/** Maximum number of entries, and of bytes, for which one worker is faster than several. */
const FEW_ENTRIES = 2048;
const FEW_BYTES: number = 32 * 1024 * 1024;

/**
 * Extracts layers of a store with all workers. One worker makes the directories, all workers make
 * everything else in parts, and one worker sets the attributes of directories at the end. A small
 * tree goes to one worker.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE`, `E_DIGEST` a layer is missing or damaged; damage is
 * noted · the errors of `extractTree`
 */
export async function extractInPool(options: PoolExtraction): Promise<ExtractReport> {
  const { pool, store, diffIds, form, policy, signal, target } = options;
  const { directories } = store;
  await directories.prepareTrees(diffIds, pool);
  const input: Omit<ExtractJobInput, "phase" | "part"> = {
    form,
    lowers: options.lowers,
    trees: diffIds.map((diffId) => directories.layerTree(diffId)),
    contents: [...new Set(diffIds)].map((diffId) => [diffId, directories.layerTar(diffId)]),
    target,
    policy,
  };
  const progress = new Progress(options.onProgress);
  const run = (rest: Pick<ExtractJobInput, "phase" | "part">, signal?: AbortSignal) => {
    const work = pool.run(extractJob, { ...input, ...rest }, {
      signal,
      onProgress: progress.slot(),
    });
    return notingDamage(directories, diffIds, work);
  };
  if (pool.inline || pool.size === 1 || isSmall(options)) {
    return await run({ phase: "all" }, signal);
  }
  const count = pool.size * PARTS_PER_WORKER;
  const first = await run({ phase: "directories" }, signal);
  const parts = await boundedParallel(
    Array.from({ length: count }, (_, index) => ({ index, count })),
    (part, signal) => run({ phase: "entries", part }, signal),
    { signal },
  );
  return addReports([first, ...parts, await run({ phase: "finish" }, signal)]);
}

function isSmall({ store, diffIds, form }: PoolExtraction): boolean {
  if (form === "attributes") return true;
  let entries = 0, bytes = 0;
  for (const diffId of diffIds) {
    const layer = store.layers.get(diffId);
    entries += layer?.entries ?? 0;
    bytes += layer?.size ?? 0;
  }
  return entries <= FEW_ENTRIES && bytes <= FEW_BYTES;
}

/** Adds up the bytes that the parts have written. */
class Progress {
  readonly #tell: ((bytes: number) => void) | undefined;
  readonly #written: number[] = [];

  constructor(tell: ((bytes: number) => void) | undefined) {
    this.#tell = tell;
  }

  slot(): (value: { readonly written: number }) => void {
    const slot = this.#written.push(0) - 1;
    return ({ written }) => {
      this.#written[slot] = written;
      this.#tell?.(this.#written.reduce((sum, bytes) => sum + bytes, 0));
    };
  }
}
