import type { Pool } from "../pool/mod.ts";
import { microseconds, requireDisk } from "../store/internal.ts";
import type { DiskStore, SnapshotScope, Store } from "../store/mod.ts";
import type { Driver, DriverName, SnapshotInfo, Snapshotter } from "./contract.ts";
import { selectDriver, wantedDriver } from "./drivers/select.ts";
import { StoreSnapshotter } from "./snapshotter.ts";

/** Options of {@linkcode createSnapshotter}. */
export interface SnapshotterOptions {
  /**
   * The driver that makes the mounts, its name, or `"auto"` for the best driver that works here. When absent, the
   * setting `driver` of the store decides, else it is `"auto"`. To find the best one, drivers are tried when the first
   * call needs one, or a function is called then.
   */
  readonly driver?: Driver | DriverName | "auto" | (() => Driver) | undefined;
  /**
   * Runs the jobs of the driver. When absent, workers start and end with the jobs. Ignored if `driver` is a
   * {@linkcode Driver} or a function.
   */
  readonly pool?: Pool | undefined;
  /**
   * Called for every fallback, and for a setting that this machine does not support. Ignored if `driver` is a
   * {@linkcode Driver} or a function.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Whose snapshots it works on. Default: the user's own. */
  readonly scope?: SnapshotScope | undefined;
  /**
   * Whether some work goes on after the return of a call, so that calls are fast: the files of a removed snapshot are
   * deleted, and the usage of a committed one is measured. {@linkcode Snapshotter.cleanup} waits for it. Default: false.
   */
  readonly later?: boolean | undefined;
  /** Called with each snapshot that was committed, after its row was written. It must not throw. */
  readonly onCommitted?: ((committed: SnapshotInfo) => void) | undefined;
  /** The clock, in microseconds since the epoch; by default that of the system. */
  readonly now?: (() => number) | undefined;
}

/**
 * Makes a snapshotter over a store.
 *
 * @throws {VarveError} `E_UNSUPPORTED` when the store has no directories · `E_USAGE` there is no such driver
 *
 * @example
 * ```ts ignore
 * import { createSnapshotter, fromText, openStore, performMount, readImage } from "@varve/varve";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * const snapshotter = createSnapshotter(store);
 * const { chainId } = await readImage(store, "app:1");
 * const parent = chainId === null ? null : snapshotter.ensureChain(chainId);
 * for (const mount of await snapshotter.prepare("work", parent)) performMount(mount, fromText("/mnt"));
 * ```
 */
export function createSnapshotter(store: Store, options: SnapshotterOptions = {}): Snapshotter {
  const { scope = "", now = microseconds, later = false, onCommitted } = options;
  const disk = requireDisk(store, "make snapshots");
  const makeDriver = driverMaker(disk, options);
  let made: Driver | undefined;
  const driverOf = () => made ??= makeDriver();
  return new StoreSnapshotter(disk, driverOf, { scope, now, later, onCommitted });
}

function driverMaker(
  store: DiskStore,
  { driver, pool, onWarning }: SnapshotterOptions,
): () => Driver {
  if (typeof driver === "function") return driver;
  if (typeof driver === "object") return () => driver;
  const wanted = wantedDriver(store, driver);
  return () => selectDriver(store, { pool, wanted, onWarning });
}
