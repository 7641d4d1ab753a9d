/** How to treat things that a layer may hold but a host may not want. */
export interface LayerPolicy {
  /** Device nodes: keep them, skip them with a warning, or fail. Setting `devices`. */
  readonly devices: "keep" | "skip" | "reject";
  /** The extended attribute `security.ima`: keep it, or drop it with a warning. Setting `xattr.ima`. */
  readonly ima: "keep" | "drop";
}

/** The policy when no setting says otherwise. */
export const DEFAULT_LAYER_POLICY: LayerPolicy = { devices: "keep", ima: "drop" };
