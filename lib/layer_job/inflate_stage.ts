import { checkMediaType, type Compression, Decompressor } from "../codec/compress/mod.ts";
import { algorithmOf } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { LayerJobInput } from "./contract.ts";
import { createInflater } from "./inflater_choice.ts";
import { LayerProof, type MeasuredBytes } from "./proof.ts";
import { sourceSize } from "./source.ts";
import { mayWait } from "./verdict.ts";

/** Takes bytes that are only lent. */
export type TakeBytes = (bytes: Uint8Array) => void;

/** Where a {@linkcode LayerInflow} puts what it makes. */
export interface InflowSinks {
  /** The uncompressed bytes; `isPlain` says that they are what came, and so are hashed already. */
  readonly bytes: (bytes: Uint8Array, isPlain: boolean) => void;
  /** The bytes as they came, when they are compressed; called at least once then. `null`: not wanted. */
  readonly blob: TakeBytes | null;
  /** Memory for uncompressed bytes, where it matters. */
  readonly nextBuffer?: (() => Uint8Array) | undefined;
}

/** What is known of the bytes that came. */
export interface Inflow extends MeasuredBytes {
  /** What the magic bytes said; absent when they were refused. */
  readonly compression: Compression | undefined;
  /** Whether the uncompressed bytes are those that came. */
  readonly isPlain: boolean;
  /** Why the media type looks odd. */
  readonly mediaWarning: string | undefined;
  /** What is wrong inside the bytes. */
  readonly failure: VarveError | null;
  /** What is wrong at their end. */
  readonly endFailure: VarveError | null;
}

/**
 * The first half of the layer job, free of effects but for a library that inflates: bytes are hashed as they
 * come and inflated. Dispose it: the decompressor holds native memory.
 */
export class LayerInflow implements Disposable {
  readonly #input: LayerJobInput;
  readonly #sinks: InflowSinks;
  readonly #proof: LayerProof;
  readonly #decompressor: Decompressor;
  readonly #sink: TakeBytes = (bytes) => this.#sinks.bytes(bytes, this.#isPlain);
  #compression: Compression | undefined;
  #mediaWarning: string | undefined;
  /** Chunks that came before the compression was known. */
  #head: Uint8Array[] = [];
  #failure: VarveError | null = null;
  #skipped = false;

  /** Begins a layer. @throws {RangeError} when a limit is no limit */
  constructor(input: LayerJobInput, sinks: InflowSinks) {
    const { expected, streamLimits = {}, inflater = "auto" } = input;
    this.#input = input;
    this.#sinks = sinks;
    this.#proof = new LayerProof(expected);
    this.#decompressor = new Decompressor({
      limits: streamLimits,
      createInflater: () => createInflater(inflater, sourceSize(input) ?? 0),
      nextBuffer: sinks.nextBuffer,
    });
  }

  /** Bytes that came. */
  get read(): number {
    return this.#proof.size;
  }

  /** Bytes that came of them. */
  get written(): number {
    return this.#decompressor.bytesOut;
  }

  /** From now on bytes are only hashed as they come. */
  skip(): void {
    this.#skipped = true;
  }

  /**
   * Takes the next bytes; keeps no reference to them.
   *
   * @throws {VarveError} `E_SIZE`; `E_LIMIT`; whatever a sink throws; and, where the end is not known to come, what is wrong inside the bytes
   */
  push(chunk: Uint8Array): void {
    this.#proof.update(chunk);
    if (this.#skipped || this.#failure !== null) return;
    try {
      this.#decompressor.push(chunk, this.#sink);
      this.#recognise();
    } catch (error) {
      if (!mayWait(this.#input, error)) throw error;
      this.#failure = error;
      return;
    }
    if (!this.#skipped) this.#keep(chunk);
  }

  /** Ends the bytes. What is wrong with them is told, not thrown: the digest is judged first. */
  finish(): Inflow {
    let endFailure: VarveError | null = null;
    if (!this.#skipped && this.#failure === null) {
      try {
        this.#decompressor.end(this.#sink);
        this.#recognise();
        this.#keep(new Uint8Array(0));
      } catch (error) {
        if (!(error instanceof VarveError)) throw error;
        endFailure = error;
      }
    }
    return {
      ...this.#proof.finish(),
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

  /** Whether the digest of what came is that of what comes out: an uncompressed layer is hashed once. */
  get #isPlain(): boolean {
    if (this.#decompressor.compression !== "none") return false;
    const { digest, diffId } = this.#input.expected;
    const [came, comes] = [digest, diffId].map((one) =>
      one === undefined ? "sha256" : algorithmOf(one)
    );
    return came === comes;
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
}
