import type { Inflater } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import { isalInflaters } from "../linux/internal.ts";

/**
 * The library that inflates gzip. `"isal"` uses libisal, and fails where it does not work. `"zlib"`
 * uses node:zlib. `"auto"` uses libisal where it works, else node:zlib.
 */
export type InflaterName = "auto" | "isal" | "zlib";

/** Compressed size in bytes below which the self-test of libisal takes more time than libisal saves. */
const WORTH_BYTES = 1024 * 1024;

/** The library that inflates gzip on this machine. */
export interface InflaterChoice {
  /** The library that was chosen. */
  readonly name: "isal" | "zlib";
  /** The reason, as a phrase for `doctor`. */
  readonly why: string;
  /** Makes an inflater. Absent for node:zlib, because the codec itself makes that inflater. */
  readonly create?: (() => Inflater) | undefined;
}

/**
 * Chooses the library that inflates gzip on this machine. `"auto"` chooses libisal if it is
 * installed and passes its self-test.
 *
 * @throws {VarveError} `E_UNSUPPORTED` when libisal is asked for and does not work
 */
export function chooseInflater(name: InflaterName = "auto"): InflaterChoice {
  if (name === "zlib") return { name, why: "it was asked for" };
  const create = isalInflaters();
  if (typeof create !== "string") {
    return { name: "isal", why: "libisal is here and passed its self-test", create };
  }
  if (name === "auto") return { name: "zlib", why: `no libisal: ${create}` };
  throw new VarveError("E_UNSUPPORTED", `Cannot inflate by libisal: ${create}`, {
    hint: "use auto or zlib",
  });
}

/**
 * Makes an inflater for a layer of `size` compressed bytes (0 when the size is not known). Returns
 * `undefined` for node:zlib.
 *
 * @throws {VarveError} `E_UNSUPPORTED` when libisal is asked for and does not work
 */
export function createInflater(name: InflaterName, size: number): Inflater | undefined {
  if (name === "auto" && size < WORTH_BYTES) return undefined;
  return chooseInflater(name).create?.();
}
