import { VarveError } from "../../errors.ts";
import { fileError, kernelRelease, releaseAtLeast } from "../../linux/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { Store } from "../../store/mod.ts";
import type { Driver, DriverName } from "../contract.ts";
import { ComposedLayers } from "./composed_layers.ts";
import { tryErofs } from "./erofs_probe.ts";
import { NativeDriver } from "./native.ts";
import type { DriverOptions } from "./options.ts";
import { OverlayDriver } from "./overlay.ts";
import { overlayWorks } from "./overlay_probe.ts";

/** What {@linkcode selectDriver} needs. */
export interface SelectDriverOptions {
  /** A disk store. */
  readonly store: Store;
  /** Extracts and composes. */
  readonly pool: Pool;
  /** A driver's name; `"auto"` or `undefined` for the best that works here. */
  readonly wanted?: string | undefined;
  /** Told of a setting that cannot be followed here. */
  readonly onWarning?: (message: string) => void;
  /** Tests: drivers that count as not working here, as on a kernel that lacks them. */
  readonly without?: readonly DriverName[];
}

/** Whether a driver works on this machine and store. */
export interface DriverFinding {
  /** The driver. */
  readonly name: DriverName;
  /** Whether it works. */
  readonly works: boolean;
  /** How that was found, or why it does not. */
  readonly why: string;
}

/** How a driver comes to be. */
interface Recipe {
  readonly make: (options: DriverOptions) => Driver;
  readonly judge: (store: Store) => Omit<DriverFinding, "name">;
}

/** All drivers, the best first. */
const RECIPES: Readonly<Record<DriverName, Recipe>> = {
  erofs: {
    make: (options) => new OverlayDriver(options, new ComposedLayers(options)),
    judge(store) {
      const found = tryErofs(store);
      if (!found.works) return found;
      const why = found.by === "files"
        ? "an image was mounted from the store and unmounted: nothing is extracted"
        : `an image was mounted through a loop device, for the kernel mounts no files of ${found.fileSystem}: nothing is extracted`;
      return { works: true, why };
    },
  },
  overlay: {
    make: (options) => new OverlayDriver(options),
    judge(store) {
      const found = overlayWorks(store);
      return found === true
        ? { works: true, why: "an overlay was mounted on the store and unmounted" }
        : { works: false, why: found };
    },
  },
  native: {
    make: (options) => new NativeDriver(options),
    judge: () => ({
      works: true,
      why: "plain directories work everywhere; each snapshot is a copy",
    }),
  },
};

/** The drivers' names, the best first. */
export const DRIVERS: readonly DriverName[] = Object.keys(RECIPES) as DriverName[];

/**
 * Tries a driver on this machine and store. One that cannot even be tried, on a read-only
 * store, does not work.
 */
export function judgeDriver(store: Store, name: DriverName): DriverFinding {
  try {
    return { name, ...RECIPES[name].judge(store) };
  } catch (error) {
    const told = fileError(error, "try it");
    if (told instanceof VarveError) return { name, works: false, why: told.message };
    throw error;
  }
}

/**
 * Makes the wanted driver, or the best that works on this machine and store.
 *
 * @throws {VarveError} `E_USAGE` no such driver · `E_UNSUPPORTED` the store has no directories
 */
export function selectDriver(options: SelectDriverOptions): Driver {
  const { store, pool, wanted = "auto", without = [] } = options;
  const { directories } = store;
  if (directories === null) {
    throw new VarveError("E_UNSUPPORTED", "Cannot make snapshots: the store has no directories");
  }
  const name = wanted === "auto"
    ? DRIVERS.find((name) => !without.includes(name) && judgeDriver(store, name).works)
    : DRIVERS.find((name) => name === wanted);
  if (name === undefined) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use driver ${JSON.stringify(wanted)}: there are ${DRIVERS.join(", ")} and auto`,
    );
  }
  const devices = (store.settings.get("devices") ?? "keep") as DriverOptions["devices"];
  const directIo = name === "erofs" && mayReadDirectly(options);
  return RECIPES[name].make({ store, directories, pool, devices, directIo });
}

/** The kernel that mounts images with `directio`. */
const DIRECT_IO = "6.13";

function mayReadDirectly({ store, onWarning }: SelectDriverOptions): boolean {
  if (store.settings.get("erofs.directio") !== "on") return false;
  const release = kernelRelease();
  if (releaseAtLeast(release, DIRECT_IO)) return true;
  onWarning?.(`erofs.directio is ignored: it needs Linux ${DIRECT_IO}, here is ${release}`);
  return false;
}
