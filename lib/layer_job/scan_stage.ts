import { escapeForTerminal } from "../bytes/mod.ts";
import type { Compression } from "../codec/compress/mod.ts";
import {
  algorithmOf,
  createHasher,
  type DiffId,
  equalDigests,
  type Hasher,
} from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Warning } from "../layer/mod.ts";
import type { Tree } from "../tree/mod.ts";
import { verifyBlob } from "./blob_meter.ts";
import type { LayerJobInput, LayerJobOutput } from "./contract.ts";
import { isDeferrable } from "./deferrable_error.ts";
import type { InflateResult, TakeTar } from "./inflate_stage.ts";
import { promisedSize } from "./source.ts";
import { LayerScanner, type ScannedLayer } from "./scanner.ts";

/** A layer whose digests are proved, with its tree. */
export interface ProvedLayer {
  /** The job's output, without the fields that are known only when the tree is written. */
  readonly output: Omit<LayerJobOutput, "memory" | "treeSum">;
  /** The layer tree. */
  readonly tree: Tree;
}

/**
 * The second stage of the layer job: hashes the uncompressed tar, passes it to the `tar` sink and
 * scans it. It does no I/O itself.
 */
export class ScanStage {
  readonly #input: LayerJobInput;
  readonly #tar: TakeTar;
  readonly #checkpoint: (() => void) | undefined;
  readonly #scanner: LayerScanner;
  /** Hashes the uncompressed tar with SHA-256. Unused when the blob's digest is also the diffID. */
  readonly #hasher: Hasher = createHasher("sha256");
  /** Hashes the tar for an expected diffID of another algorithm. */
  readonly #otherHasher: Hasher | undefined;
  /** Error of the archive; thrown after the digests are checked. */
  #failure: VarveError | null = null;
  #written = 0;

  /**
   * `tar` takes the bytes of the tar. `checkpoint` is called often; an error that it throws ends the
   * work.
   *
   * @throws {RangeError} when a limit is not a valid number
   */
  constructor(input: LayerJobInput, tar: TakeTar, checkpoint?: () => void) {
    const { expected, policy, limits, streamLimits = {}, fileDigests = true } = input;
    this.#input = input;
    this.#tar = tar;
    this.#checkpoint = checkpoint;
    this.#scanner = new LayerScanner({
      policy,
      limits,
      blobSize: promisedSize(input),
      tarLimits: streamLimits,
      fileDigests,
      checkpoint,
    });
    const algorithm = expected.diffId === undefined ? "sha256" : algorithmOf(expected.diffId);
    this.#otherHasher = algorithm === "sha256" ? undefined : createHasher(algorithm);
  }

  /** Whether more bytes are needed. After a failure they are needed only to check an expected diffID. */
  get wantsMore(): boolean {
    return this.#failure === null || this.#input.expected.diffId !== undefined;
  }

  /**
   * Takes the next bytes of the tar; keeps no reference to them. `isPlain` means that they are
   * hashed already.
   *
   * @throws {VarveError} `E_LIMIT`; errors of the sink; errors of the archive that cannot be
   * deferred
   */
  push(bytes: Uint8Array, isPlain: boolean): void {
    this.#checkpoint?.();
    if (!isPlain) this.#hasher.update(bytes);
    this.#otherHasher?.update(bytes);
    this.#written += bytes.length;
    if (this.#failure !== null) return;
    this.#tar(bytes, isPlain);
    try {
      this.#scanner.push(bytes);
    } catch (error) {
      if (!isDeferrable(this.#input, error)) throw error;
      this.#failure = error;
    }
  }

  /**
   * Checks the whole layer, from the outside in.
   *
   * @throws {VarveError} in this order: `E_SIZE`, `E_DIGEST`, errors of the compression, `E_DIFFID`, errors of the archive and its entries
   */
  finish(blob: InflateResult): ProvedLayer {
    // When `wantsMore` is false, the inflate stage skips the rest. On two threads it learns this
    // with a delay. Errors that it finds in the meantime must not change the outcome.
    const inflateFailure = this.wantsMore ? blob.failure : null;
    verifyBlob(blob, this.#input.expected, inflateFailure ?? this.#failure ?? undefined);
    if (inflateFailure !== null) throw inflateFailure;
    if (this.wantsMore && blob.endFailure !== null) throw blob.endFailure;
    const diffId = (blob.isPlain ? blob.digest : this.#hasher.digest()) as DiffId;
    const otherDiffId = this.#otherHasher?.digest() as DiffId | undefined;
    this.#verifyDiffId(otherDiffId ?? diffId);
    if (this.#failure !== null) throw this.#failure;
    const { carriedIn = Infinity } = this.#input;
    const scanned = this.#scanner.finish(diffId, Math.min(blob.size, carriedIn));
    const { tree } = scanned;
    const { digest, size, compression } = blob;
    return {
      tree,
      output: {
        digest,
        size,
        compression: compression as Compression,
        diffId,
        otherDiffId,
        uncompressedSize: this.#written,
        treeDigest: tree.digest,
        entries: tree.count,
        warnings: warningsOf(scanned, blob.mediaWarning),
        beyondRatio: scanned.beyondRatio ?? undefined,
      },
    };
  }

  #verifyDiffId(actual: DiffId): void {
    const expected = this.#input.expected.diffId;
    if (expected === undefined || equalDigests(actual, expected)) return;
    throw new VarveError(
      "E_DIFFID",
      `Cannot verify layer of diffID ${expected}: the uncompressed bytes have ${actual}`,
      { expected, actual },
      { cause: this.#failure ?? undefined },
    );
  }
}

function warningsOf(
  { warnings, dirtyPadding, cutPadding }: ScannedLayer,
  mediaWarning: string | undefined,
): readonly Warning[] {
  const all = [...warnings];
  if (mediaWarning !== undefined) {
    all.push({ code: "W_MEDIA_TYPE", count: 1, example: mediaWarning });
  }
  if (dirtyPadding !== null) {
    const { count, example } = dirtyPadding;
    all.push({ code: "W_PADDING", count, example: escapeForTerminal(example) });
  }
  if (cutPadding !== null) {
    all.push({ code: "W_CUT_PADDING", count: 1, example: escapeForTerminal(cutPadding) });
  }
  return all;
}
