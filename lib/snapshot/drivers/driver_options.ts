import type { LowerOptions } from "../../compose/internal.ts";
import type { ExtractPolicy } from "../../directory/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { Directories, DiskStore } from "../../store/mod.ts";

/** What a driver works with. */
export interface DriverOptions {
  /** Where the layers are. */
  readonly store: DiskStore;
  /** Its directories. */
  readonly directories: Directories;
  /** Extracts, copies, measures and syncs. */
  readonly pool: Pool;
  /** What becomes of device nodes. */
  readonly devices: ExtractPolicy["devices"];
  /** How composed images are mounted. */
  readonly lower: LowerOptions;
  /** Whether layers that no image can hold are an error: the driver was asked for by name. */
  readonly isBinding: boolean;
}
