/**
 * varve, a container image layer engine: it takes an image, proves every byte of
 * it, and makes it readable, mountable and saveable again.
 *
 * Importing this module opens nothing and asks for no permission; files, workers
 * and libraries open inside a call.
 *
 * @example
 * ```ts
 * import { parseDigest, sha256 } from "@varve/varve";
 *
 * const digest = sha256(new TextEncoder().encode("varve"));
 * if (parseDigest(digest) !== digest) throw new Error("a digest reads as it is written");
 * ```
 *
 * @module
 */
export * from "./lib/errors.ts";
export * from "./lib/digest/mod.ts";
