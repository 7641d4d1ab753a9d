import type { DriverName } from "../snapshot/mod.ts";

/**
 * Names of the snapshot drivers, best first. They are repeated here because parsing a name should not load the
 * drivers.
 */
const DRIVERS: Readonly<Record<DriverName, null>> = { erofs: null, overlay: null, native: null };

/** Values of `--driver` and of the setting `driver`. */
export const DRIVER_CHOICES: readonly string[] = ["auto", ...Object.keys(DRIVERS)];
