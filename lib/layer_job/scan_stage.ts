import { escapeForTerminal } from "../bytes/mod.ts";
import type { Compression } from "../codec/compress/mod.ts";
import {
  algorithmOf,
  createHasher,
  type DiffId,
  type Digest,
  equalDigests,
  type Hasher,
} from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Warning } from "../layer/mod.ts";
import type { Tree } from "../tree/mod.ts";
import type { LayerJobInput, LayerJobOutput } from "./contract.ts";
import type { Inflow, InflowSinks } from "./inflate_stage.ts";
import { judgeBytes } from "./proof.ts";
import { LayerScanner, type ScannedLayer } from "./scanner.ts";
import { mayWait } from "./verdict.ts";

/** What a layer is proved to be, beside its bytes. */
export interface ProvedLayer {
  /** What is known of the layer. */
  readonly output: Omit<LayerJobOutput, "memory" | "treeSum">;
  /** Its tree. */
  readonly tree: Tree;
}

/** The second half of the layer job, free of effects: uncompressed bytes are hashed, kept and scanned. */
export class LayerOutflow {
  readonly #input: LayerJobInput;
  readonly #tar: InflowSinks["bytes"];
  readonly #scanner: LayerScanner;
  /** Hashes what comes out; unused where that is what came in. */
  readonly #diff: Hasher;
  /** What is wrong with the archive; told when the bytes are proved. */
  #failure: VarveError | null = null;
  #written = 0;

  /** Begins a layer; `tar` takes its bytes. @throws {RangeError} when a limit is no limit */
  constructor(input: LayerJobInput, tar: InflowSinks["bytes"]) {
    const { expected, policy, limits, streamLimits = {}, fileDigests = true } = input;
    this.#input = input;
    this.#tar = tar;
    this.#scanner = new LayerScanner({
      policy,
      limits,
      tarLimits: streamLimits,
      fileDigests,
    });
    const { diffId } = expected;
    this.#diff = createHasher(diffId === undefined ? "sha256" : algorithmOf(diffId));
  }

  /** Whether more bytes are of use: after a failure only as far as they help to say what is wrong. */
  get wantsMore(): boolean {
    return this.#failure === null || this.#input.expected.diffId !== undefined;
  }

  /**
   * Takes the next bytes; keeps no reference to them.
   *
   * @throws {VarveError} `E_LIMIT`; whatever the sink throws; and, where the end is not known to come, what is wrong with the archive
   */
  take(bytes: Uint8Array, isPlain: boolean): void {
    if (!isPlain) this.#diff.update(bytes);
    this.#written += bytes.length;
    if (this.#failure !== null) return;
    this.#tar(bytes, isPlain);
    try {
      this.#scanner.push(bytes);
    } catch (error) {
      if (!mayWait(this.#input, error)) throw error;
      this.#failure = error;
    }
  }

  /**
   * Judges the whole, from the outside inwards.
   *
   * @throws {VarveError} `E_SIZE`, `E_DIGEST`, what the compression is refused for, `E_DIFFID`, what the archive and its entries are refused for
   */
  judge(inflow: Inflow): ProvedLayer {
    const inflated = this.wantsMore ? inflow.failure : null;
    const failure = inflated ?? this.#failure;
    judgeBytes(inflow, this.#input.expected, failure ?? undefined);
    if (inflated !== null) throw inflated;
    if (this.wantsMore && inflow.endFailure !== null) throw inflow.endFailure;
    const diffId = this.#judgeDiffId(inflow);
    if (this.#failure !== null) throw this.#failure;
    const scanned = this.#scanner.finish(diffId);
    const { tree } = scanned;
    const { digest, size, compression } = inflow;
    return {
      tree,
      output: {
        digest,
        size,
        compression: compression as Compression,
        diffId,
        uncompressedSize: this.#written,
        treeDigest: tree.digest,
        entries: tree.count,
        warnings: warningsOf(scanned, inflow.mediaWarning),
      },
    };
  }

  #judgeDiffId({ isPlain, digest }: { isPlain: boolean; digest: Digest }): DiffId {
    const actual = (isPlain ? digest : this.#diff.digest()) as DiffId;
    const expected = this.#input.expected.diffId;
    if (expected === undefined || equalDigests(actual, expected)) return actual;
    throw new VarveError(
      "E_DIFFID",
      `Cannot verify layer of diffID ${expected}: the uncompressed bytes have ${actual}`,
      { expected, actual },
      { cause: this.#failure ?? undefined },
    );
  }
}

function warningsOf(
  { warnings, dirtyPadding }: ScannedLayer,
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
  return all;
}
