import { VarveError } from "../errors.ts";
import {
  algorithmOf,
  createHasher,
  type Digest,
  equalDigests,
  type Hasher,
} from "../digest/mod.ts";

/** What the bytes of a layer, as they come, are expected to be. */
export interface LayerExpected {
  /** Their digest. */
  readonly digest?: Digest;
  /** Their number. */
  readonly size?: number;
}

/** Proves the bytes of a layer as they come; what nobody expects is only measured. */
export class LayerProof {
  readonly #expected: LayerExpected;
  readonly #hasher: Hasher;
  #size = 0;

  /** Begins with no bytes. */
  constructor(expected: LayerExpected) {
    this.#expected = expected;
    const { digest } = expected;
    this.#hasher = createHasher(digest === undefined ? "sha256" : algorithmOf(digest));
  }

  /** The number of bytes that came. */
  get size(): number {
    return this.#size;
  }

  /** Takes the next bytes. @throws {VarveError} `E_SIZE` at the first one too many */
  update(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > (this.#expected.size ?? Infinity)) this.#wrongSize("longer");
    this.#hasher.update(bytes);
  }

  /**
   * Judges the whole; `cause` is what was seen wrong inside of it.
   *
   * @throws {VarveError} `E_SIZE` when bytes are missing, else `E_DIGEST` when the digest differs
   */
  finish(cause?: unknown): Digest {
    if (this.#size < (this.#expected.size ?? 0)) this.#wrongSize("shorter", cause);
    const actual = this.#hasher.digest();
    const expected = this.#expected.digest;
    if (expected === undefined || equalDigests(actual, expected)) return actual;
    const message = `Cannot verify layer ${expected}: the digest is ${actual}`;
    throw new VarveError("E_DIGEST", message, { expected, actual }, { cause });
  }

  #wrongSize(how: "longer" | "shorter", cause?: unknown): never {
    const { digest, size } = this.#expected;
    const what = digest === undefined ? "layer" : `layer ${digest}`;
    throw new VarveError(
      "E_SIZE",
      `Cannot verify ${what}: it is ${how} than its ${size} bytes`,
      { expected: size as number, actual: this.#size },
      { cause },
    );
  }
}
