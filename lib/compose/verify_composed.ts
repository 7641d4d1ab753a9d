import { createHasher, type DiffId } from "../digest/mod.ts";
import { readTree } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import { foldSteps } from "../layer/internal.ts";
import { fileErrno, fileError, isExhausted } from "../linux/mod.ts";
import type { Job, JobContext, JobProgress, Pool } from "../pool/mod.ts";
import type { TreeFile } from "../store/mod.ts";
import { finishSteps } from "../tree/internal.ts";
import { IMAGE, IMAGE_INFO, ROOT_TREE } from "./contract.ts";
import { isOtherVersion, readImageInfo } from "./image_info.ts";

/** A composed image, and what it was composed of. */
export interface ComposedToVerify {
  /** Absolute path of the directory of the image. */
  readonly directory: string;
  /** The layer trees, lowest first; `null` when one of them is damaged, so that they cannot be folded. */
  readonly trees: readonly TreeFile[] | null;
  /** The layers of the chain. */
  readonly diffIds: readonly DiffId[];
}

/** What is wrong with a composed image. */
export interface ComposedProblem {
  /** Name of the file. */
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}

/** Number of bytes that are read at once. */
const PIECE = 1024 * 1024;

/**
 * Compares a composed image with its description, and the description with the layers, in a worker. `null` when all
 * of it is right.
 */
export const verifyComposedJob: Job<ComposedToVerify, ComposedProblem | null> = {
  name: "verify-composed",
  entry: "extract",
  async run(input, context) {
    await Promise.resolve();
    context.signal.throwIfAborted();
    try {
      return verify(input, context);
    } catch (error) {
      const errno = fileErrno(error);
      if (errno === undefined || isExhausted(error)) {
        throw fileError(error, `read the composed image ${input.directory}`);
      }
      const actual = errno === "ENOENT" ? "missing" : `it cannot be read (${errno})`;
      return { name: IMAGE, expected: "a composed image", actual };
    }
  },
};

/**
 * Compares a composed image with its description and its layers.
 *
 * @throws {VarveError} `E_DAMAGE` a layer tree is damaged · `E_SYSCALL`
 */
export async function verifyComposed(
  pool: Pool,
  input: ComposedToVerify,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((bytes: number) => void) | undefined;
  } = {},
): Promise<ComposedProblem | null> {
  const { signal, onProgress } = options;
  const progress = ({ read }: JobProgress) => onProgress?.(read);
  return await pool.run(verifyComposedJob, input, { signal, onProgress: progress });
}

function verify(
  { directory, trees, diffIds }: ComposedToVerify,
  context: JobContext,
): ComposedProblem | null {
  let info;
  try {
    // It is composed again when it is used.
    if (isOtherVersion(directory)) return null;
    info = readImageInfo(directory);
  } catch (error) {
    if (!(error instanceof VarveError) || isExhausted(error)) throw error;
    return { name: IMAGE_INFO, expected: "a description", actual: "damaged" };
  }
  const image = hash(`${directory}/${IMAGE}`, context);
  if (image !== info.digest) return { name: IMAGE, expected: info.digest, actual: image };
  const { size } = Deno.lstatSync(`${directory}/${IMAGE}`);
  if (size !== info.size) {
    return { name: IMAGE_INFO, expected: `${size} bytes`, actual: `${info.size} bytes` };
  }
  const kept = info.kept === null ? null : hash(`${directory}/${ROOT_TREE}`, context);
  if (kept !== info.kept) {
    return { name: ROOT_TREE, expected: String(info.kept), actual: String(kept) };
  }
  const foreign = info.devices.find((device) => !diffIds.includes(device));
  if (foreign !== undefined) {
    return { name: IMAGE_INFO, expected: "layers of the chain", actual: `layer ${foreign}` };
  }
  if (trees === null) return null;
  const tree = finishSteps(foldSteps(trees.map(readTree)), context.throwIfAborted);
  if (tree.digest === info.tree) return null;
  return { name: IMAGE_INFO, expected: `tree ${tree.digest}`, actual: `tree ${info.tree}` };
}

function hash(path: string, { throwIfAborted, progress }: JobContext): string {
  using file = Deno.openSync(path, { read: true });
  const hasher = createHasher();
  const buffer = new Uint8Array(PIECE);
  for (let read = 0;;) {
    throwIfAborted();
    const count = file.readSync(buffer);
    if (count === null) return hasher.digest();
    hasher.update(buffer.subarray(0, count));
    progress({ read: read += count, written: 0 });
  }
}
