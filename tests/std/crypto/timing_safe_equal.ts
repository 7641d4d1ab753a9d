import * as std from "npm:deno-std@1.4.0/crypto/timing_safe_equal.js";

/** Compares two byte sequences in a time that depends on their length only. */
export const timingSafeEqual: (
  a: ArrayBufferView | ArrayBufferLike | DataView,
  b: ArrayBufferView | ArrayBufferLike | DataView,
) => boolean = std.timingSafeEqual;
