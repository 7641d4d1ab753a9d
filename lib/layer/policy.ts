/** What is done with what a layer may hold and a host may not want. */
export interface LayerPolicy {
  /** Device nodes: kept, left out with a warning, or an error. Setting `devices`. */
  readonly devices: "keep" | "skip" | "reject";
  /** The attribute `security.ima`: kept, or left out with a warning. Setting `xattr.ima`. */
  readonly ima: "keep" | "drop";
}

/** The policy when nothing else is said. */
export const DEFAULT_LAYER_POLICY: LayerPolicy = { devices: "keep", ima: "drop" };
