import {
  algorithmOf,
  createHasher,
  type Digest,
  equalDigests,
  type Hasher,
} from "../digest/mod.ts";
import { VarveError } from "../errors.ts";

/** The expected digest and size of a layer's compressed bytes. An absent field is not checked. */
export interface ExpectedBlob {
  /** Digest of the bytes. */
  readonly digest?: Digest | undefined;
  /** Number of bytes. */
  readonly size?: number | undefined;
}

/** Size and digest of the compressed bytes that were read. */
export interface BlobMeasure {
  /** Number of bytes. */
  readonly size: number;
  /** Digest of the bytes, by the algorithm of the expected digest. */
  readonly digest: Digest;
}

/** Counts and hashes the compressed bytes of a layer while they are read. */
export class BlobMeter {
  readonly #expected: ExpectedBlob;
  readonly #hasher: Hasher;
  #size = 0;

  constructor(expected: ExpectedBlob) {
    this.#expected = expected;
    const { digest } = expected;
    this.#hasher = createHasher(digest === undefined ? "sha256" : algorithmOf(digest));
  }

  /** Number of bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** Adds bytes. @throws {VarveError} `E_SIZE` as soon as there are more than expected */
  update(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > (this.#expected.size ?? Infinity)) {
      throw wrongSize(this.#expected, this.#size, "longer");
    }
    this.#hasher.update(bytes);
  }

  /** Returns size and digest of all bytes. Call it once. */
  finish(): BlobMeasure {
    return { size: this.#size, digest: this.#hasher.digest() };
  }
}

/**
 * Compares the size and the digest of the bytes that were read with the expected ones. `cause` is
 * an error that was found in the content of these bytes; it becomes the cause of the error thrown
 * here.
 *
 * @throws {VarveError} `E_SIZE` when bytes are missing, else `E_DIGEST` when the digest differs
 */
export function verifyBlob(
  { size, digest: actual }: BlobMeasure,
  expected: ExpectedBlob,
  cause: unknown,
): void {
  if (size < (expected.size ?? 0)) throw wrongSize(expected, size, "shorter", cause);
  const { digest } = expected;
  if (digest === undefined || equalDigests(actual, digest)) return;
  const message = `Cannot verify layer ${digest}: the digest is ${actual}`;
  throw new VarveError("E_DIGEST", message, { expected: digest, actual }, { cause });
}

function wrongSize(
  { digest, size }: ExpectedBlob,
  actual: number,
  how: "longer" | "shorter",
  cause?: unknown,
): VarveError {
  const what = digest === undefined ? "layer" : `layer ${digest}`;
  return new VarveError(
    "E_SIZE",
    `Cannot verify ${what}: it is ${how} than the expected ${size} bytes`,
    { expected: size as number, actual },
    { cause },
  );
}
