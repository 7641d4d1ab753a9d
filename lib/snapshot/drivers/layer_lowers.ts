import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { DriverName } from "../contract.ts";
import type { Stack } from "./ancestors.ts";

/** Makes lower directories of an overlay out of layers. */
export interface LayerLowers {
  /** Name of the driver that uses it. */
  readonly driver: DriverName;
  /** Absolute paths of the lowers for the layers of a stack, topmost first. Makes the lowers that are missing. */
  lowers(stack: Stack, signal?: AbortSignal): Promise<ByteString[]>;
  /** Unmounts the lowers of layers that are not needed. `needed` is called only if something is mounted. */
  trim(needed: () => readonly (readonly DiffId[])[]): void;
}
