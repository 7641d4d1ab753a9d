import type { Pool } from "../../pool/mod.ts";
import type { Directories, Store } from "../../store/mod.ts";
import type { ExtractPolicy } from "../extract/mod.ts";

/** What a driver works with. */
export interface DriverOptions {
  /** Where the layers are. */
  readonly store: Store;
  /** Its directories. */
  readonly directories: Directories;
  /** Extracts, copies, measures and syncs. */
  readonly pool: Pool;
  /** What becomes of device nodes. */
  readonly devices: ExtractPolicy["devices"];
  /** Whether files of composed images are read past the page cache of the layers' tars. */
  readonly directIo: boolean;
}
