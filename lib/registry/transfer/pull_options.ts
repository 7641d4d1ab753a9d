import type { LoadOptions } from "../../image/mod.ts";
import type { Platform } from "../../oci/mod.ts";
import type { ClientChoice } from "./client_for.ts";

/** Options of `pullImage`. */
export interface PullOptions extends Omit<LoadOptions, "name" | "platform">, ClientChoice {
  /** Platform to pull from an index; `host` when absent. */
  readonly platform?: Platform | undefined;
  /** The platform that is pulled when none is asked for; this machine's when absent. */
  readonly host?: Platform | undefined;
  /** Number of layers to download at the same time; 4 when absent. It is at most the number of the pool's workers. */
  readonly concurrency?: number | undefined;
  /**
   * Number of connections for all layers together; 8 when absent. Each layer gets at least one. A large layer that is
   * slow over one connection gets up to 4, if some are left. With 1, every layer uses a single connection.
   */
  readonly connections?: number | undefined;
  /** Size in bytes from which a layer counts as large; 64 MiB when absent. */
  readonly largeFrom?: number | undefined;
}

/** Options of `pullImage` for a program that mounts the image next. */
export interface ProgramPullOptions extends PullOptions {
  /** Called once, when the network is slower than this machine, so that there is time to prepare the mount. */
  readonly onIdle?: (() => void) | undefined;
}

/** Options of a source for one image of a registry. */
export interface RegistrySourceOptions extends PullOptions {
  /** Whether an index gives all its platforms. When absent, it gives one. */
  readonly allPlatforms?: boolean | undefined;
}
