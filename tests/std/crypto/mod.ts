// Stand-in for `@std/crypto` over the npm build of the same code: see tests/std/README.md.
export * from "./crypto.ts";
export * from "./timing_safe_equal.ts";
