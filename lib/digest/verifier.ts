import { VarveError } from "../errors.ts";
import { equalDigests } from "./convert.ts";
import { algorithmOf, type Digest } from "./digest.ts";
import { createHasher, type Hasher } from "./hasher.ts";

/** What bytes are expected to be: the two fields of a descriptor that can be proved. */
export interface Expected {
  /** Their digest. */
  readonly digest: Digest;
  /** Their number. */
  readonly size: number;
  /** What the bytes are, for messages; default `"blob"`. */
  readonly what?: string | undefined;
}

/**
 * Proves bytes that pass, in a synchronous loop.
 *
 * The size is judged before the digest (image-spec, descriptor.md, "Properties"), and the
 * verifier refuses at the first byte too many, so that nobody can be made to read on and on.
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

  /** Makes a verifier. @throws {RangeError} when the size is not a whole number from 0 to 2⁵³ − 1 */
  constructor(expected: Expected) {
    if (!Number.isSafeInteger(expected.size) || expected.size < 0) {
      throw new RangeError(`Cannot verify bytes: size ${expected.size} is not a size`);
    }
    this.#expected = expected;
    this.#hasher = createHasher(algorithmOf(expected.digest));
  }

  /** The number of bytes that have passed. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes the next bytes.
   *
   * @throws {VarveError} `E_SIZE` when they are more than expected
   */
  update(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > this.#expected.size) throw this.#sizeError("is longer than");
    this.#hasher.update(bytes);
  }

  /**
   * Judges the whole.
   *
   * @throws {VarveError} `E_SIZE` when bytes are missing, else `E_DIGEST` when the digest differs
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
    const message = `Cannot verify ${this.#what}: it ${relation} its ${size} bytes`;
    return new VarveError("E_SIZE", message, { expected: size, actual: this.#size });
  }
}
