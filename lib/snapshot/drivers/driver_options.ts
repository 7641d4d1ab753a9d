import type { SharedMountOptions } from "../../compose/internal.ts";
import type { ExtractPolicy } from "../../directory/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { DiskStore } from "../../store/mod.ts";

/** What a driver works with. */
export interface DriverOptions {
  /** The store of the layers; its directories hold what drivers make. */
  readonly store: DiskStore;
  /** Runs the jobs that extract, copy, measure and sync. */
  readonly pool: Pool;
  /** How device nodes of layers are extracted. */
  readonly devices: ExtractPolicy["devices"];
  /** How composed images are mounted. */
  readonly sharedMount: SharedMountOptions;
  /**
   * Whether the driver was asked for by name: then a chain that no image can hold is an error, else
   * it is extracted.
   */
  readonly isBinding: boolean;
}
