import type { Platform } from "../oci/mod.ts";
import type { LoadOptions } from "./load_options.ts";

/** Options of all functions that make a new image in the store. */
export interface NewImageOptions extends
  Pick<
    LoadOptions,
    "pool" | "host" | "signal" | "onProgress" | "policy" | "limits" | "streamLimits" | "inflater"
  > {
  /**
   * The platform whose image to use when the given image is an index. An index without an image for this platform is
   * refused. When absent, the platform that the store records with the name of the image is used, else `host`.
   */
  readonly platform?: Platform | undefined;
  /** Name of the new image. An image that has this name already loses the name. */
  readonly name: string;
  /** Time for all dates in the new image, in milliseconds since the epoch; the current time when absent. */
  readonly now?: number | undefined;
}
