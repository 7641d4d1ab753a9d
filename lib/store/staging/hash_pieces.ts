import { createHasher, Verifier } from "../../digest/mod.ts";
import type { Descriptor } from "../../oci/mod.ts";

/** Digest and size of a blob, expected or actual. */
export type BlobIdentity = Pick<Descriptor, "digest" | "size">;

/**
 * Passes the pieces of a blob on and hashes them. After the last piece it calls `onIdentity` with digest and
 * size. Without `expected` the digest is a SHA-256.
 *
 * Pieces are passed on before the digest is known. So when this throws, the caller must remove the
 * bytes that it has written.
 *
 * @throws {VarveError} `E_SIZE`, `E_DIGEST` when the pieces differ from `expected`
 */
export async function* hashPieces(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  expected: BlobIdentity | undefined,
  onIdentity: (identity: BlobIdentity) => void,
): AsyncGenerator<Uint8Array> {
  const verifier = expected === undefined ? undefined : new Verifier(expected);
  const hasher = createHasher("sha256");
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (verifier === undefined) hasher.update(piece);
    else verifier.update(piece);
    yield piece;
  }
  verifier?.finish();
  onIdentity({ digest: expected?.digest ?? hasher.digest(), size });
}
