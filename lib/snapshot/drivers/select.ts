import type { MountImageFileOptions } from "../../compose/internal.ts";
import { VarveError } from "../../errors.ts";
import { fileError, kernelRelease, releaseAtLeast } from "../../linux/mod.ts";
import { createTransientPool } from "../../pool/internal.ts";
import type { Pool } from "../../pool/mod.ts";
import { requireDisk } from "../../store/internal.ts";
import type { DiskStore, Store } from "../../store/mod.ts";
import type { Driver, DriverName } from "../contract.ts";
import { ComposedLayers } from "./composed_layers.ts";
import { DriverDirectories } from "./driver_directories.ts";
import type { DriverOptions, ExtractProgress } from "./driver_options.ts";
import { tryErofs } from "./erofs_probe.ts";
import { ExtractedLayers } from "./extracted_layers.ts";
import { FollowSnapshots } from "./follow_snapshots.ts";
import { NativeDriver } from "./native.ts";
import { OverlayDriver } from "./overlay.ts";
import { overlayWorks } from "./overlay_probe.ts";
import { isPassing } from "./probe_directory.ts";

/** Options of {@linkcode selectDriver}. */
export interface SelectDriverOptions {
  /** Runs the jobs that extract and compose layers. When absent, workers start and end with the jobs. */
  readonly pool?: Pool | undefined;
  /**
   * Name of a driver, or `"auto"` for the best driver that works here. When absent, the setting `driver`
   * of the store decides, else it is `"auto"`.
   */
  readonly wanted?: string | undefined;
  /** Called for every fallback, and for a setting that this machine does not support. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Called often while a driver extracts layers, which can take long. The driver `erofs` extracts nothing. */
  readonly onExtract?: ((progress: ExtractProgress) => void) | undefined;
  /** For tests: parts of the kernel to treat as missing. */
  readonly without?: readonly KernelPart[] | undefined;
}

/**
 * A part of the kernel that may be missing: a file system, mounts of image files (before 6.12), or
 * fsopen(2) and its family (before 5.2).
 */
export type KernelPart = "erofs" | "overlay" | "files" | "fsopen";

/** Whether a driver works on this machine and store. */
export interface DriverFinding {
  /** Name of the driver. */
  readonly name: DriverName;
  /** Whether the driver works on this machine and store. */
  readonly works: boolean;
  /** How it was tried, or why it does not work. */
  readonly why: string;
  /** Whether it could not be tried now, because the disk is full for instance. Then `works` is false. */
  readonly untried?: boolean | undefined;
}

/** How to try and how to make a driver. */
interface Recipe {
  readonly make: (options: DriverOptions) => Driver;
  readonly judge: (store: DiskStore, without: readonly KernelPart[]) => Omit<DriverFinding, "name">;
}

const LACKING = { works: false, why: "it is switched off" };

function mountedWithout(without: readonly KernelPart[]): MountImageFileOptions {
  return { withoutFiles: without.includes("files"), withMountCall: without.includes("fsopen") };
}

/** All drivers, best first. */
const RECIPES: Readonly<Record<DriverName, Recipe>> = {
  erofs: {
    make(options) {
      const directories = new DriverDirectories(options);
      const fallback = new ExtractedLayers(directories);
      return new OverlayDriver(directories, new ComposedLayers(options, fallback));
    },
    judge(store, without) {
      if (without.includes("erofs")) return LACKING;
      const found = tryErofs(store, mountedWithout(without));
      if (!found.works) return found;
      const why = found.by === "files"
        ? "an image was mounted from the store and unmounted: nothing is extracted"
        : `an image was mounted through a loop device, because the kernel cannot mount an image file that is on ${found.fileSystem}: nothing is extracted`;
      return { works: true, why };
    },
  },
  overlay: {
    make(options) {
      const directories = new DriverDirectories(options);
      return new OverlayDriver(directories, new ExtractedLayers(directories));
    },
    judge(store, without) {
      if (without.includes("overlay")) return LACKING;
      const found = overlayWorks(store);
      return found === true
        ? { works: true, why: "an overlay was mounted on the store and unmounted" }
        : { works: false, why: found };
    },
  },
  native: {
    make: (options) => new NativeDriver(new DriverDirectories(options)),
    judge: () => ({
      works: true,
      why: "plain directories work everywhere; each snapshot is a copy",
    }),
  },
};

/** Names of all drivers, best first. */
export const DRIVERS: readonly DriverName[] = Object.keys(RECIPES) as DriverName[];

/**
 * Tries a driver on this machine and store. A driver that cannot be tried because the store is read-only counts as not
 * working.
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
    if (told instanceof VarveError) {
      const untried = isPassing(told) ? true : undefined;
      return { name, works: false, why: told.message, untried };
    }
    throw error;
  }
}

/**
 * Makes the wanted driver. By default, it makes the best driver that works on this machine and store, and what the
 * native driver made before goes on with that one.
 *
 * @throws {VarveError} `E_USAGE` no such driver · `E_UNSUPPORTED` the store has no directories
 */
export function selectDriver(store: Store, options: SelectDriverOptions = {}): Driver {
  const disk = requireDisk(store, "make snapshots");
  const { pool = createTransientPool(), without = [], onExtract, onWarning } = options;
  const wanted = wantedDriver(store, options.wanted);
  const name = wanted === "auto" ? bestDriver(disk, options) : wanted;
  const devices = (store.settings.get("devices") ?? "keep") as DriverOptions["devices"];
  const directIo = name === "erofs" && mayReadDirectly(store, onWarning);
  const sharedMount = { directIo, ...mountedWithout(without), onWarning };
  const isBinding = wanted !== "auto";
  const made: DriverOptions = { store: disk, pool, devices, sharedMount, isBinding, onExtract };
  const driver = RECIPES[name].make(made);
  if (isBinding || name === "native") return driver;
  return new FollowSnapshots(new DriverDirectories(made), driver, RECIPES.native.make(made));
}

/**
 * The driver that is asked for, else that of the store's setting.
 *
 * @throws {VarveError} `E_USAGE` there is no such driver
 */
export function wantedDriver(store: Store, asked: string | undefined): DriverName | "auto" {
  const wanted = asked ?? store.settings.get("driver") ?? "auto";
  const name = wanted === "auto" ? wanted : DRIVERS.find((name) => name === wanted);
  if (name !== undefined) return name;
  throw new VarveError(
    "E_USAGE",
    `Cannot use driver ${JSON.stringify(wanted)}: there are ${DRIVERS.join(", ")} and auto`,
  );
}

/**
 * Finds the best driver that works. If better drivers do not work, warns with the reason. Where no driver can be tried,
 * as on a full disk, it is the best one: it unmounts and removes what the others made, too.
 */
function bestDriver(
  store: DiskStore,
  { without, onWarning }: SelectDriverOptions,
): DriverName {
  const failed: DriverFinding[] = [];
  for (const name of DRIVERS) {
    const found = judgeDriver(store, name, without);
    if (!found.works && found.untried !== true) {
      failed.push(found);
      continue;
    }
    const [better] = failed;
    if (better !== undefined) {
      onWarning?.(
        `driver ${name} is used, because ${better.name} does not work here: ${better.why}`,
      );
    }
    return name;
  }
  throw new TypeError("Cannot select a driver: plain directories work everywhere");
}

/** The first Linux that mounts images with `directio`. */
const DIRECT_IO = "6.13";

function mayReadDirectly(store: Store, onWarning: SelectDriverOptions["onWarning"]): boolean {
  if (store.settings.get("erofs.directio") !== "on") return false;
  const release = kernelRelease();
  if (releaseAtLeast(release, DIRECT_IO)) return true;
  onWarning?.(`erofs.directio is ignored: it needs Linux ${DIRECT_IO}, here is ${release}`);
  return false;
}
