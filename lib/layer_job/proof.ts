import {
  algorithmOf,
  createHasher,
  type Digest,
  equalDigests,
  type Hasher,
} from "../digest/mod.ts";
import { VarveError } from "../errors.ts";

/** What the bytes of a layer, as they come, are expected to be. */
export interface LayerExpected {
  /** Their digest. */
  readonly digest?: Digest | undefined;
  /** Their number. */
  readonly size?: number | undefined;
}

/** Measures the bytes of a layer as they come. */
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
    if (this.#size > (this.#expected.size ?? Infinity)) {
      throw wrongSize(this.#expected, this.#size, "longer");
    }
    this.#hasher.update(bytes);
  }

  /** Ends the measuring. */
  finish(): MeasuredBytes {
    return { size: this.#size, digest: this.#hasher.digest() };
  }
}

/** What bytes are. */
export interface MeasuredBytes {
  /** Their number. */
  readonly size: number;
  /** Their digest. */
  readonly digest: Digest;
}

/**
 * Judges the whole; `cause` is what was seen wrong inside of it.
 *
 * @throws {VarveError} `E_SIZE` when bytes are missing, else `E_DIGEST` when the digest differs
 */
export function judgeBytes(
  { size, digest: actual }: MeasuredBytes,
  expected: LayerExpected,
  cause: unknown,
): void {
  if (size < (expected.size ?? 0)) throw wrongSize(expected, size, "shorter", cause);
  const { digest } = expected;
  if (digest === undefined || equalDigests(actual, digest)) return;
  const message = `Cannot verify layer ${digest}: the digest is ${actual}`;
  throw new VarveError("E_DIGEST", message, { expected: digest, actual }, { cause });
}

function wrongSize(
  { digest, size }: LayerExpected,
  actual: number,
  how: "longer" | "shorter",
  cause?: unknown,
): VarveError {
  const what = digest === undefined ? "layer" : `layer ${digest}`;
  return new VarveError(
    "E_SIZE",
    `Cannot verify ${what}: it is ${how} than its ${size} bytes`,
    { expected: size as number, actual },
    { cause },
  );
}
