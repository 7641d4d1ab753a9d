import type { MountImageFileOptions } from "../../compose/internal.ts";
import { VarveError } from "../../errors.ts";
import { fileError, kernelRelease, releaseAtLeast } from "../../linux/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import { requireDisk } from "../../store/internal.ts";
import type { DiskStore, Store } from "../../store/mod.ts";
import type { Driver, DriverName } from "../contract.ts";
import { ComposedLayers } from "./composed_layers.ts";
import type { DriverOptions } from "./driver_options.ts";
import { tryErofs } from "./erofs_probe.ts";
import { NativeDriver } from "./native.ts";
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
  /** Told of a setting that cannot be followed here, and of every fallback. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Tests: what counts as not there, as on a kernel that lacks it. */
  readonly without?: readonly KernelPart[] | undefined;
}

/** What older kernels lack: a file system, images as files (before 6.12), fsopen(2) and what belongs to it (before 5.2). */
export type KernelPart = "erofs" | "overlay" | "files" | "fsopen";

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
  readonly judge: (store: DiskStore, without: readonly KernelPart[]) => Omit<DriverFinding, "name">;
}

const LACKING = { works: false, why: "it is switched off" };

function mountedWithout(without: readonly KernelPart[]): MountImageFileOptions {
  return { withoutFiles: without.includes("files"), withMountCall: without.includes("fsopen") };
}

/** All drivers, the best first. */
const RECIPES: Readonly<Record<DriverName, Recipe>> = {
  erofs: {
    make: (options) => new OverlayDriver(options, new ComposedLayers(options)),
    judge(store, without) {
      if (without.includes("erofs")) return LACKING;
      const found = tryErofs(store, mountedWithout(without));
      if (!found.works) return found;
      const why = found.by === "files"
        ? "an image was mounted from the store and unmounted: nothing is extracted"
        : `an image was mounted through a loop device, for the kernel mounts no files of ${found.fileSystem}: nothing is extracted`;
      return { works: true, why };
    },
  },
  overlay: {
    make: (options) => new OverlayDriver(options),
    judge(store, without) {
      if (without.includes("overlay")) return LACKING;
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
export function judgeDriver(
  store: DiskStore,
  name: DriverName,
  without: readonly KernelPart[] = [],
): DriverFinding {
  try {
    return { name, ...RECIPES[name].judge(store, without) };
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
  const { pool, wanted = "auto", without = [], onWarning } = options;
  const store = requireDisk(options.store, "make snapshots");
  const { directories } = store;
  const name = wanted === "auto"
    ? bestDriver({ ...options, store })
    : DRIVERS.find((name) => name === wanted);
  if (name === undefined) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use driver ${JSON.stringify(wanted)}: there are ${DRIVERS.join(", ")} and auto`,
    );
  }
  const devices = (store.settings.get("devices") ?? "keep") as DriverOptions["devices"];
  const directIo = name === "erofs" && mayReadDirectly(options);
  const lower = { directIo, ...mountedWithout(without), onWarning };
  const isBinding = wanted !== "auto";
  return RECIPES[name].make({ store, directories, pool, devices, lower, isBinding });
}

/** The best driver that works, and why none that is better. */
function bestDriver(
  { store, without, onWarning }: SelectDriverOptions & { readonly store: DiskStore },
): DriverName {
  const failed: DriverFinding[] = [];
  for (const name of DRIVERS) {
    const found = judgeDriver(store, name, without);
    if (!found.works) {
      failed.push(found);
      continue;
    }
    const [better] = failed;
    if (better !== undefined) {
      onWarning?.(`driver ${name} is used, for ${better.name} does not work here: ${better.why}`);
    }
    return name;
  }
  throw new TypeError("Cannot select a driver: plain directories work everywhere");
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
