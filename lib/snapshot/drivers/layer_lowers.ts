import type { ByteString } from "../../bytes/mod.ts";
import type { DriverName } from "../contract.ts";
import type { LayerRun } from "./ancestors.ts";

/** Where a run of layers lies in an overlay. */
export interface LowersPlace {
  /** Absolute paths of the lowers below the run, topmost first. They exist, and are mounted where they must be. */
  readonly below: readonly ByteString[];
  /** The largest number of lowers that the run may have. */
  readonly room: number;
}

/** Makes lower directories of an overlay out of layers. */
export interface LayerLowers {
  /** Name of the driver that uses it. */
  readonly driver: DriverName;
  /**
   * Absolute paths of the lowers for a run of layers, topmost first. Makes the lowers that are missing.
   *
   * @throws {VarveError} `E_LIMIT` there is no room for them
   */
  lowers(run: LayerRun, place: LowersPlace, signal?: AbortSignal): Promise<ByteString[]>;
  /** Makes the lowers of a run that does not lie on a directory, without mounting them, if they are small. */
  warm?(run: LayerRun, signal?: AbortSignal): Promise<void>;
}
