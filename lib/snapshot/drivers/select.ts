import { VarveError } from "../../errors.ts";
import type { Pool } from "../../pool/mod.ts";
import type { Store } from "../../store/mod.ts";
import type { Driver, DriverName } from "../contract.ts";
import { ComposedLayers } from "./composed_layers.ts";
import { erofsWorks } from "./erofs_probe.ts";
import { NativeDriver } from "./native.ts";
import type { DriverOptions } from "./options.ts";
import { OverlayDriver } from "./overlay.ts";
import { overlayWorks } from "./overlay_probe.ts";

/** What {@linkcode selectDriver} needs. */
export interface SelectDriverOptions {
  /** A disk store. */
  readonly store: Store;
  /** Extracts. */
  readonly pool: Pool;
  /** A driver's name; `"auto"` or `undefined` for the best that works here. */
  readonly wanted?: string | undefined;
}

/** How a driver comes to be. */
interface Recipe {
  readonly make: (options: DriverOptions) => Driver;
  /** Whether it works here: true, or why not. */
  readonly works: (store: Store) => true | string;
}

/** All drivers, the best first. */
const RECIPES: Readonly<Record<DriverName, Recipe>> = {
  erofs: {
    make: (options) => new OverlayDriver(options, new ComposedLayers(options)),
    works: erofsWorks,
  },
  overlay: { make: (options) => new OverlayDriver(options), works: overlayWorks },
  native: { make: (options) => new NativeDriver(options), works: () => true },
};

/** The drivers' names, the best first. */
export const DRIVERS: readonly DriverName[] = Object.keys(RECIPES) as DriverName[];

/**
 * Makes the wanted driver, or the best that works on this machine and store.
 *
 * @throws {VarveError} `E_USAGE` no such driver · `E_UNSUPPORTED` the store has no directories
 */
export function selectDriver(options: SelectDriverOptions): Driver {
  const { store, pool, wanted = "auto" } = options;
  const { directories } = store;
  if (directories === null) {
    throw new VarveError("E_UNSUPPORTED", "Cannot make snapshots: the store has no directories");
  }
  const name = wanted === "auto"
    ? DRIVERS.find((name) => RECIPES[name].works(store) === true)
    : DRIVERS.find((name) => name === wanted);
  if (name === undefined) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use driver ${JSON.stringify(wanted)}: there are ${DRIVERS.join(", ")} and auto`,
    );
  }
  const devices = (store.settings.get("devices") ?? "keep") as DriverOptions["devices"];
  return RECIPES[name].make({ store, directories, pool, devices });
}
