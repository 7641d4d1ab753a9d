import type { ByteString } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { DriverName } from "../contract.ts";
import type { Stack } from "./ancestors.ts";

/** How layers become lower directories of an overlay. */
export interface LayerLowers {
  /** The driver that makes them so. */
  readonly driver: DriverName;
  /** Lower directories of the stack's layers, the topmost first; each is made if it is not there. */
  lowers(stack: Stack, signal?: AbortSignal): Promise<ByteString[]>;
  /** Gives up what is mounted for any other layers than these, which are asked for only if something is. */
  trim(needed: () => readonly (readonly DiffId[])[]): void;
}
