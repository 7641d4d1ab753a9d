import { VarveError } from "../errors.ts";
import { equalDigests } from "./convert.ts";
import { algorithmOf, type Digest } from "./digest.ts";
import { createHasher, type Hasher } from "./hasher.ts";

/** What bytes are expected to be: the two fields of a descriptor that can be verified. */
export interface Expected {
  /** Digest of all bytes. */
  readonly digest: Digest;
  /** Number of bytes. */
  readonly size: number;
  /** What to call the bytes in messages. Default: `"blob"`. */
  readonly what?: string | undefined;
}

/**
 * Verifies bytes that arrive in pieces, synchronously.
 *
 * It checks the size before the digest (image-spec, descriptor.md, "Properties"). It fails at the
 * first byte too many, so that a hostile sender cannot make it read for ever.
 *
 * @example
 * ```ts
 * import { sha256, Verifier } from "@varve/varve/digest";
 *
 * const bytes = new Uint8Array([1, 2, 3]);
 * const verifier = new Verifier({ digest: sha256(bytes), size: 3 });
 * verifier.update(bytes);
 * verifier.finish();
 * ```
 */
export class Verifier {
  readonly #expected: Expected;
  readonly #hasher: Hasher;
  #size = 0;

  /**
   * Makes a verifier.
   *
   * @throws {RangeError} when the size is not an integer from 0 to 2⁵³ − 1
   */
  constructor(expected: Expected) {
    if (!Number.isSafeInteger(expected.size) || expected.size < 0) {
      throw new RangeError(`Cannot verify bytes: size ${expected.size} is not a size`);
    }
    this.#expected = expected;
    this.#hasher = createHasher(algorithmOf(expected.digest));
  }

  /** Number of bytes taken so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes the next bytes.
   *
   * @throws {VarveError} `E_SIZE` when there are more bytes than expected
   */
  update(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > this.#expected.size) throw this.#sizeError("is longer than");
    this.#hasher.update(bytes);
  }

  /**
   * Ends the input and checks size and digest.
   *
   * @throws {VarveError} `E_SIZE` when bytes are missing, `E_DIGEST` when the digest differs
   */
  finish(): void {
    if (this.#size < this.#expected.size) throw this.#sizeError("is shorter than");
    const actual = this.#hasher.digest();
    if (equalDigests(actual, this.#expected.digest)) return;
    throw new VarveError("E_DIGEST", `Cannot verify ${this.#what}: the digest is ${actual}`, {
      expected: this.#expected.digest,
      actual,
    });
  }

  get #what(): string {
    return `${this.#expected.what ?? "blob"} ${this.#expected.digest}`;
  }

  #sizeError(relation: string): VarveError {
    const { size } = this.#expected;
    const message = `Cannot verify ${this.#what}: it ${relation} the expected ${size} bytes`;
    return new VarveError("E_SIZE", message, { expected: size, actual: this.#size });
  }
}
