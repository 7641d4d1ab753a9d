import type { Inflater } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import { isalInflaters } from "../linux/mod.ts";

/** What inflates gzip: libisal where it is fit, libisal or an error, or node:zlib. */
export type InflaterName = "auto" | "isal" | "zlib";

/** All of them, the default first. */
export const INFLATERS: readonly InflaterName[] = ["auto", "isal", "zlib"];

/** Below this the self-test would take longer than it saves. */
const WORTH_BYTES = 1024 * 1024;

/** What was chosen. */
export interface InflaterChoice {
  /** Its name. */
  readonly name: "isal" | "zlib";
  /** Why. */
  readonly why: string;
  /** Makes one; node:zlib's is made by the codec itself. */
  readonly create?: (() => Inflater) | undefined;
}

/**
 * Chooses what inflates gzip on this machine; `"auto"` takes libisal where it is and passes its self-test.
 *
 * @throws {VarveError} `E_UNSUPPORTED` when libisal is asked for and unfit
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
 * An inflater for one layer of `size` compressed bytes (0 when that is unknown); `undefined` stands for
 * node:zlib.
 *
 * @throws {VarveError} `E_UNSUPPORTED` when libisal is asked for and unfit
 */
export function createInflater(name: InflaterName, size: number): Inflater | undefined {
  if (name === "auto" && size < WORTH_BYTES) return undefined;
  return chooseInflater(name).create?.();
}
