import { VarveError } from "../errors.ts";

/** A digest: `sha256:` and 64 lower-case hexadecimal digits, or `sha512:` and 128. */
export type Digest = string & { readonly "~digest": true };
/** The digest of an uncompressed layer tar. */
export type DiffId = Digest & { readonly "~diffId": true };
/** The digest that names a stack of layers (image-spec, config.md, "Layer ChainID"). */
export type ChainId = Digest & { readonly "~chainId": true };
/** The digest of a tree. It is varve's own, and never a diffID. */
export type TreeDigest = Digest & { readonly "~treeDigest": true };

/** The algorithms that varve verifies. */
export type Algorithm = "sha256" | "sha512";

const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a value is a well-formed digest of a known algorithm. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && value.length <= 135 &&
    PATTERN.test(value);
}

/**
 * Reads a digest (image-spec, descriptor.md, "Digests").
 *
 * @throws {VarveError} `E_DIGEST_FORMAT` when it is malformed or its algorithm is unknown
 */
export function parseDigest(value: unknown): Digest {
  if (isDigest(value)) return value;
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : typeof value;
  throw new VarveError(
    "E_DIGEST_FORMAT",
    `Cannot read digest ${shown}: not sha256:<64 hex> or sha512:<128 hex>`,
  );
}

/** The algorithm of a digest. */
export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}

/** The hexadecimal part of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice(7);
}
