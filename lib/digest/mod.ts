/**
 * Digests (`sha256:…`, `sha512:…`): parse, compare and compute them, and verify bytes that stream by.
 *
 * @example
 * ```ts
 * import { createHasher, equalDigests, sha256 } from "@varve/varve/digest";
 *
 * const bytes = new TextEncoder().encode("varve");
 * const hasher = createHasher();
 * hasher.update(bytes.subarray(0, 2));
 * hasher.update(bytes.subarray(2));
 * if (!equalDigests(hasher.digest(), sha256(bytes))) throw new Error("never");
 * ```
 *
 * @module
 */
export * from "./convert.ts";
export * from "./digest.ts";
export * from "./hasher.ts";
export * from "./verifier.ts";
export * from "./verify_stream.ts";
