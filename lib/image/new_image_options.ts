import type { LoadOptions } from "./load_options.ts";

/** Options of what makes a new image in the store. */
export interface NewImageOptions extends
  Pick<
    LoadOptions,
    "pool" | "host" | "signal" | "onProgress" | "policy" | "limits" | "streamLimits" | "inflater"
  > {
  /** Name of the new image. An image that has it loses it. */
  readonly name: string;
  /** The time of every date that goes into the image, ms since the epoch; now when absent. */
  readonly now?: number | undefined;
}
