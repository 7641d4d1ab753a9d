import { fromText } from "../../bytes/mod.ts";
import { CWD, openDirectoryAt, ownFd } from "../../linux/mod.ts";
import type { Job, Pool } from "../../pool/mod.ts";
import type { TreeFile } from "../../store/mod.ts";
import type { ExtractPolicy } from "../extract/contract.ts";
import { type ExtractForm, makeTree } from "../extract/extract_job.ts";
import { readTree } from "../read_tree.ts";
import { runSyncJob } from "../run_sync_job.ts";
import { type ExtractedDifference, verifyDirectory } from "./verify_directory.ts";

/** What is compared with what. */
export interface VerifyInput {
  /** What was extracted from the layers. */
  readonly form: ExtractForm;
  /** The layer trees, lowest first. */
  readonly trees: readonly TreeFile[];
  /** Absolute path of the directory. */
  readonly path: string;
  /** How it was extracted. */
  readonly policy: Pick<ExtractPolicy, "whiteouts" | "devices">;
}

/** Compares an extracted directory with its trees, in a worker. `null` when there is no difference. */
export const verifyJob: Job<VerifyInput, ExtractedDifference | null> = {
  name: "verify-directory",
  entry: "extract",
  run: (input, { signal, throwIfAborted, progress }) =>
    runSyncJob(signal, () => {
      const tree = makeTree(input.form, input.trees.map(readTree), throwIfAborted);
      using directory = ownFd(openDirectoryAt(CWD, fromText(input.path)));
      let read = 0;
      const checkpoint = (bytes: number) => {
        throwIfAborted();
        read += bytes;
        if (bytes > 0) progress({ read, written: 0 });
      };
      const { policy } = input;
      return verifyDirectory({ tree, root: directory.fd, policy, checkpoint }) ?? null;
    }),
};

/**
 * Compares an extracted directory with the trees that it was extracted from.
 *
 * @param options `onProgress` is called with the number of bytes that were read
 * @returns the first difference; `null` when there is none
 * @throws {VarveError} `E_DAMAGE` a tree is damaged · `E_BUSY` · `E_SYSCALL`
 */
export async function verifyInPool(
  pool: Pool,
  input: VerifyInput,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((bytes: number) => void) | undefined;
  } = {},
): Promise<ExtractedDifference | null> {
  const { signal, onProgress } = options;
  return await pool.run(verifyJob, input, { signal, onProgress: ({ read }) => onProgress?.(read) });
}
