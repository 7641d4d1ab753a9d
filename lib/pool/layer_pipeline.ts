/**
 * The stages of the layer job, free of effects: bytes are proved, inflated,
 * hashed, scanned and handed to the sinks, chunk by chunk.
 */
import { escapeForTerminal } from "../bytes/mod.ts";
import { checkMediaType, type Compression, Decompressor } from "../codec/compress/mod.ts";
import {
  algorithmOf,
  createHasher,
  type DiffId,
  type Digest,
  equalDigests,
  type Hasher,
} from "../digest/mod.ts";
import { exitCodeOf, VarveError } from "../errors.ts";
import type { Warning } from "../layer/mod.ts";
import type { Tree } from "../tree/mod.ts";
import type { LayerJobInput, LayerJobOutput } from "./layer_contract.ts";
import { LayerProof } from "./layer_proof.ts";
import { LayerScanner, type ScannedLayer } from "./layer_scanner.ts";

/** Takes bytes that are only lent. */
export type TakeBytes = (bytes: Uint8Array) => void;

/** Where a {@linkcode LayerPipeline} puts what it makes. */
export interface LayerSinks {
  /** The uncompressed tar. */
  readonly tar: TakeBytes;
  /** The bytes as they came, when they are compressed; called at least once then. `null`: not wanted. */
  readonly blob: TakeBytes | null;
}

/** What a {@linkcode LayerPipeline} gives beside the bytes. */
export interface ProvedLayer {
  /** What is known of the layer. */
  readonly output: Omit<LayerJobOutput, "memory">;
  /** Its tree. */
  readonly tree: Tree;
}

/** One layer on its way through the stages. Dispose it: the decompressor holds native memory. */
export class LayerPipeline implements Disposable {
  readonly #input: LayerJobInput;
  readonly #sinks: LayerSinks;
  readonly #proof: LayerProof;
  readonly #decompressor: Decompressor;
  readonly #scanner: LayerScanner;
  /** Hashes what comes out; unused where that is what came in. */
  readonly #diff: Hasher;
  readonly #sink: TakeBytes = (bytes) => this.#take(bytes);
  #compression: Compression | undefined;
  #mediaWarning: string | undefined;
  /** Chunks that came before the compression was known. */
  #head: Uint8Array[] = [];
  /** What is wrong inside the bytes; told when the bytes are proved. */
  #failure: { readonly error: VarveError; readonly stage: "inflate" | "scan" } | null = null;
  #written = 0;

  /** Begins a layer. @throws {RangeError} when a limit is no limit */
  constructor(input: LayerJobInput, sinks: LayerSinks) {
    const { expected, policy, limits, streamLimits = {}, fileDigests = true } = input;
    this.#input = input;
    this.#sinks = sinks;
    this.#proof = new LayerProof(expected);
    this.#decompressor = new Decompressor({ limits: streamLimits });
    this.#scanner = new LayerScanner({
      ...(policy === undefined ? {} : { policy }),
      ...(limits === undefined ? {} : { limits }),
      tarLimits: streamLimits,
      fileDigests,
    });
    this.#diff = createHasher(this.#diffAlgorithm);
  }

  /** Bytes that came. */
  get read(): number {
    return this.#proof.size;
  }

  /** Bytes of the uncompressed tar. */
  get written(): number {
    return this.#written;
  }

  /**
   * Takes the next bytes through all stages; keeps no reference to them.
   *
   * @throws {VarveError} `E_SIZE`; `E_LIMIT`; whatever a sink throws; and, where the end is not known to come, what is wrong inside the bytes
   */
  push(chunk: Uint8Array): void {
    this.#proof.update(chunk);
    if (!this.#inflates) return;
    this.#attempt("inflate", () => {
      this.#decompressor.push(chunk, this.#sink);
      this.#recognise();
    });
    if (this.#failure === null) this.#keep(chunk);
  }

  /**
   * Judges the whole, from the outside inwards.
   *
   * @throws {VarveError} `E_SIZE`, `E_DIGEST`, what the compression is refused for, `E_DIFFID`, what the archive and its entries are refused for
   */
  finish(): ProvedLayer {
    const digest = this.#proof.finish(this.#failure?.error);
    if (this.#failure?.stage === "inflate") throw this.#failure.error;
    if (this.#inflates) {
      this.#decompressor.end(this.#sink);
      this.#recognise();
      this.#keep(new Uint8Array(0));
    }
    const diffId = this.#judgeDiffId(digest);
    if (this.#failure !== null) throw this.#failure.error;
    const scanned = this.#scanner.finish(diffId);
    const { tree } = scanned;
    return {
      tree,
      output: {
        digest,
        size: this.#proof.size,
        compression: this.#compression as Compression,
        diffId,
        uncompressedSize: this.#written,
        treeDigest: tree.digest,
        entries: tree.count,
        warnings: this.#warnings(scanned),
      },
    };
  }

  [Symbol.dispose](): void {
    this.#decompressor.close();
  }

  /** Whether bytes are inflated: after a failure only as far as it helps to say what is wrong. */
  get #inflates(): boolean {
    if (this.#failure === null) return true;
    return this.#failure.stage === "scan" && this.#input.expected.diffId !== undefined;
  }

  get #diffAlgorithm(): "sha256" | "sha512" {
    const { diffId } = this.#input.expected;
    return diffId === undefined ? "sha256" : algorithmOf(diffId);
  }

  /** Whether the digest of what came is that of what comes out: an uncompressed layer is hashed once. */
  get #isPlain(): boolean {
    const { digest } = this.#input.expected;
    return this.#decompressor.compression === "none" &&
      this.#diffAlgorithm === (digest === undefined ? "sha256" : algorithmOf(digest));
  }

  /** What comes out of the decompressor. */
  #take(bytes: Uint8Array): void {
    if (!this.#isPlain) this.#diff.update(bytes);
    this.#written += bytes.length;
    if (this.#failure !== null) return;
    this.#sinks.tar(bytes);
    this.#attempt("scan", () => this.#scanner.push(bytes));
  }

  /** Notes what is wrong inside of the bytes while there is a chance that the bytes are not the right ones. */
  #attempt(stage: "inflate" | "scan", step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!this.#mayWait(error)) throw error;
      this.#failure = { error, stage };
    }
  }

  #mayWait(error: unknown): error is VarveError {
    const { expected, source } = this.#input;
    const ends = expected.size !== undefined || source.kind === "file";
    return ends && error instanceof VarveError && exitCodeOf(error.code) === 7;
  }

  /** Judges the compression as soon as it is known. */
  #recognise(): void {
    if (this.#compression !== undefined) return;
    this.#compression = this.#decompressor.compression;
    const { mediaType } = this.#input.expected;
    if (this.#compression === undefined || mediaType === undefined) return;
    this.#mediaWarning = checkMediaType(mediaType, this.#compression);
  }

  /** Gives the blob its bytes, from the first one on, once it is known that they are compressed. */
  #keep(chunk: Uint8Array): void {
    if (this.#sinks.blob === null || this.#compression === "none") return;
    if (this.#compression === undefined) {
      this.#head.push(new Uint8Array(chunk));
      return;
    }
    for (const piece of this.#head) this.#sinks.blob(piece);
    this.#head = [];
    this.#sinks.blob(chunk);
  }

  #judgeDiffId(digest: Digest): DiffId {
    const actual = (this.#isPlain ? digest : this.#diff.digest()) as DiffId;
    const expected = this.#input.expected.diffId;
    if (expected === undefined || equalDigests(actual, expected)) return actual;
    throw new VarveError(
      "E_DIFFID",
      `Cannot verify layer of diffID ${expected}: the uncompressed bytes have ${actual}`,
      { expected, actual },
      { cause: this.#failure?.error },
    );
  }

  #warnings({ warnings, dirtyPadding }: ScannedLayer): readonly Warning[] {
    const all = [...warnings];
    if (this.#mediaWarning !== undefined) {
      all.push({ code: "W_MEDIA_TYPE", count: 1, example: this.#mediaWarning });
    }
    if (dirtyPadding !== null) {
      const { count, example } = dirtyPadding;
      all.push({ code: "W_PADDING", count, example: escapeForTerminal(example) });
    }
    return all;
  }
}
