import type { SharedMountOptions } from "../../compose/internal.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { ExtractPolicy } from "../../directory/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { DiskStore } from "../../store/mod.ts";

/** Progress of a driver that extracts layers into a directory. */
export interface ExtractProgress {
  /** The layers that are extracted into one directory, lowest first. */
  readonly diffIds: readonly DiffId[];
  /** Size of their tars in bytes. */
  readonly total: number;
  /** Bytes written so far. */
  readonly written: number;
  /** Whether the directory is complete. */
  readonly state: "running" | "done";
}

/** Options of all drivers. */
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
   * Whether the user chose the driver by name. A chain that does not fit into an image is then an error. Otherwise such
   * a chain is extracted.
   */
  readonly isBinding: boolean;
  /** Called often while layers are extracted. */
  readonly onExtract?: ((progress: ExtractProgress) => void) | undefined;
}
