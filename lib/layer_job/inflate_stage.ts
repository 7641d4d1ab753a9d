import { checkMediaType, type Compression, Decompressor } from "../codec/compress/mod.ts";
import { algorithmOf } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { type BlobMeasure, BlobMeter } from "./blob_meter.ts";
import type { LayerJobInput } from "./contract.ts";
import { isDeferrable } from "./deferrable_error.ts";
import { createInflater } from "./inflater_choice.ts";
import { sourceSize } from "./source.ts";

/** Takes bytes, which are valid only during the call. */
export type TakeBytes = (bytes: Uint8Array) => void;

/**
 * Takes bytes of the uncompressed tar. `isPlain` means that the blob is the tar itself, and
 * that these bytes were hashed as part of the blob.
 */
export type TakeTar = (bytes: Uint8Array, isPlain: boolean) => void;

/** Where an {@linkcode InflateStage} puts its output. */
export interface InflateSinks {
  /** Takes the uncompressed tar. */
  readonly tar: TakeTar;
  /**
   * Takes the compressed bytes; called at least once for a compressed layer, else never. `null` when they
   * are not kept.
   */
  readonly blob: TakeBytes | null;
  /** Returns memory for the next uncompressed bytes, so that the bytes need no copy afterwards. */
  readonly nextBuffer?: (() => Uint8Array) | undefined;
}

/** What the inflate stage found out about the compressed bytes. */
export interface InflateResult extends BlobMeasure {
  /**
   * Compression, as detected from the magic bytes; `undefined` when it is not known or was refused.
   */
  readonly compression: Compression | undefined;
  /** Whether the digest of the blob is also the diffID. */
  readonly isPlain: boolean;
  /** Warning about the media type. */
  readonly mediaWarning: string | undefined;
  /** First deferred error, such as damaged gzip data or a wrong media type. */
  readonly failure: VarveError | null;
  /** Error found when the input ended, such as a truncated stream. */
  readonly endFailure: VarveError | null;
}

/**
 * The first stage of the layer job: hashes the compressed bytes and inflates them. It does no I/O
 * itself, except that it may load libisal. Dispose it: the decompressor holds native memory.
 */
export class InflateStage implements Disposable {
  readonly #input: LayerJobInput;
  readonly #sinks: InflateSinks;
  readonly #meter: BlobMeter;
  readonly #decompressor: Decompressor;
  readonly #takeTar: TakeBytes = (bytes) => this.#sinks.tar(bytes, this.#isPlain);
  #compression: Compression | undefined;
  #mediaWarning: string | undefined;
  /** Compressed bytes that were read before the compression was known. */
  #head: Uint8Array[] = [];
  #failure: VarveError | null = null;
  #skipped = false;

  /** @throws {RangeError} when a limit is not a valid number */
  constructor(input: LayerJobInput, sinks: InflateSinks) {
    const { expected, streamLimits = {}, inflater = "auto" } = input;
    this.#input = input;
    this.#sinks = sinks;
    this.#meter = new BlobMeter(expected);
    this.#decompressor = new Decompressor({
      limits: streamLimits,
      createInflater: () => createInflater(inflater, sourceSize(input) ?? 0),
      nextBuffer: sinks.nextBuffer,
    });
  }

  /** Number of compressed bytes so far. */
  get read(): number {
    return this.#meter.size;
  }

  /** Number of uncompressed bytes so far. */
  get written(): number {
    return this.#decompressor.bytesOut;
  }

  /** Stops inflating: from now on bytes are only counted and hashed. */
  skip(): void {
    this.#skipped = true;
  }

  /**
   * Takes the next compressed bytes; keeps no reference to them.
   *
   * @throws {VarveError} `E_SIZE`; `E_LIMIT`; errors of the sinks; errors of the decompressor and
   * of the media type that are not deferrable
   */
  push(chunk: Uint8Array): void {
    this.#meter.update(chunk);
    if (this.#skipped || this.#failure !== null) return;
    try {
      this.#decompressor.push(chunk, this.#takeTar);
      this.#checkCompression();
    } catch (error) {
      if (!isDeferrable(this.#input, error)) throw error;
      this.#failure = error;
      return;
    }
    if (!this.#skipped) this.#keep(chunk);
  }

  /**
   * Ends the input. An error that is found here is returned in the result, not thrown, because the
   * caller checks the digest first.
   */
  finish(): InflateResult {
    let endFailure: VarveError | null = null;
    if (!this.#skipped && this.#failure === null) {
      try {
        this.#decompressor.end(this.#takeTar);
        this.#checkCompression();
        this.#keep(new Uint8Array(0));
      } catch (error) {
        if (!(error instanceof VarveError)) throw error;
        endFailure = error;
      }
    }
    return {
      ...this.#meter.finish(),
      compression: this.#compression,
      isPlain: this.#isPlain,
      mediaWarning: this.#mediaWarning,
      failure: this.#failure,
      endFailure,
    };
  }

  [Symbol.dispose](): void {
    this.#decompressor.close();
  }

  /**
   * Whether the digest of the blob is also the diffID, so that the bytes are hashed only once. True
   * for a layer without compression, unless the expected digest of the blob has another algorithm
   * than SHA-256.
   */
  get #isPlain(): boolean {
    if (this.#decompressor.compression !== "none") return false;
    const { digest } = this.#input.expected;
    return digest === undefined || algorithmOf(digest) === "sha256";
  }

  /** Compares the compression with the media type, as soon as the compression is known. */
  #checkCompression(): void {
    if (this.#compression !== undefined) return;
    this.#compression = this.#decompressor.compression;
    const { mediaType } = this.#input.expected;
    if (this.#compression === undefined || mediaType === undefined) return;
    this.#mediaWarning = checkMediaType(mediaType, this.#compression);
  }

  /** Passes compressed bytes to the blob sink. Holds them back until the compression is known. */
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
}
