import type { LoadOptions } from "../../image/mod.ts";
import type { Platform } from "../../oci/mod.ts";

/** Options of `pullImage`. */
export interface PullOptions extends Omit<LoadOptions, "name" | "platform"> {
  /** Which image of an index; `host`'s when absent. */
  readonly platform?: Platform | undefined;
  /** Layers that are fetched at once; 4 when absent. The pool's workers bound it as well. */
  readonly concurrency?: number | undefined;
  /**
   * Connections for all layers that are fetched at once; 8 when absent, and each has one at least. What
   * is left of them is for large layers that come slowly over one: up to 4 each. 1: no layer has more.
   */
  readonly connections?: number | undefined;
  /** Bytes from which a layer is large; 64 MiB when absent. */
  readonly largeFrom?: number | undefined;
}

/** Options of `pullImage` for a program that mounts the image next. */
export interface ProgramPullOptions extends PullOptions {
  /** Called once, when the network is slower than this machine: there is time to prepare what comes next. */
  readonly onIdle?: (() => void) | undefined;
}
