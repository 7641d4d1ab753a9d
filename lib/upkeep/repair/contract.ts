import type { ImageOrigin } from "../../image/mod.ts";
import type { LayerRules } from "../../layer_job/mod.ts";
import type { OciLimits } from "../../oci/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { DiskStore } from "../../store/mod.ts";
import type { CheckOptions } from "../check/check_store.ts";
import type { Damage } from "../check/damage.ts";
import type { Finding } from "../contract.ts";

/** Options of {@linkcode repairStore}. */
export interface RepairOptions extends CheckOptions, LayerRules {
  /**
   * Where bytes come from that the store has lost: an archive, a layout or an image of a registry. The image may be another
   * one that has the same layers. When absent, only what the store itself holds heals.
   */
  readonly from?: ImageOrigin | undefined;
  /** Limits for documents of the source. */
  readonly documents?: Partial<OciLimits> | undefined;
  /** Called with each step that a user should know of: what was kept, removed or is still mounted. */
  readonly onStep?: ((message: string) => void) | undefined;
}

/** What a repair did. */
export interface RepairReport {
  /** The damage that was found and is healed. */
  readonly healed: readonly Finding[];
  /** The damage that is left. */
  readonly left: readonly Finding[];
}

/** What the steps of a repair need. */
export interface Repair {
  readonly store: DiskStore;
  readonly pool: Pool;
  readonly options: RepairOptions;
  /** The damage that is healed. */
  readonly damages: readonly Damage[];
  /** Tells the user of a step. */
  say(message: string): void;
}
