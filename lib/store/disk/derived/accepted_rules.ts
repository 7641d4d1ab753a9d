import { DEFAULT_TAR_LIMITS } from "../../../codec/tar/mod.ts";
import { layerLimits, type LayerPolicy } from "../../../layer/mod.ts";
import type { LayerRules } from "../../../layer_job/mod.ts";

/** A layer was accepted when it came in, perhaps under other limits than the present ones. */
const LIMITS = unlimited(layerLimits());
const STREAM_LIMITS = unlimited(DEFAULT_TAR_LIMITS);

/** The policies by which a layer may have been read. */
const POLICIES: readonly Partial<LayerPolicy>[] = [
  {},
  { ima: "keep" },
  { devices: "skip" },
  { ima: "keep", devices: "skip" },
];

/**
 * The rules by which a layer of the store may have been read, the most likely first. Settings may have changed since. The
 * digest of the tree shows which of them it was.
 */
export const ACCEPTED_RULES: readonly LayerRules[] = POLICIES.map((policy) => ({
  policy,
  limits: LIMITS,
  streamLimits: STREAM_LIMITS,
}));

function unlimited<Limits extends Readonly<Record<keyof Limits, number>>>(limits: Limits): Limits {
  const entries = Object.keys(limits).map((key) => [key, Number.MAX_SAFE_INTEGER]);
  return Object.fromEntries(entries) as Limits;
}
