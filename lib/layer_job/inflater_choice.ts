import type { Inflater } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import { isalInflaters } from "../linux/mod.ts";
import type { LayerJobInput } from "./contract.ts";

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

/** An inflater for a layer, as the layer asks; `undefined` stands for node:zlib. */
export function inflaterFor(
  { inflater = "auto", source, expected }: LayerJobInput,
): Inflater | undefined {
  const size = source.kind === "file" ? source.length : expected.size;
  if (inflater === "auto" && (size ?? 0) < WORTH_BYTES) return undefined;
  return chooseInflater(inflater).create?.();
}
