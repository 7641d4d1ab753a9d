import type { DriverName } from "../snapshot/mod.ts";

/** The snapshot drivers, the best first. A word for one is no reason to read their code. */
const DRIVERS: Readonly<Record<DriverName, null>> = { erofs: null, overlay: null, native: null };

/** What names a driver on the command line and in the settings. */
export const DRIVER_CHOICES: readonly string[] = ["auto", ...Object.keys(DRIVERS)];
