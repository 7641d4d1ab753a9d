import type { LoadOptions } from "./load_options.ts";

/** Options of all functions that make a new image in the store. */
export interface NewImageOptions extends
  Pick<
    LoadOptions,
    "pool" | "host" | "signal" | "onProgress" | "policy" | "limits" | "streamLimits" | "inflater"
  > {
  /** Name of the new image. It is taken from an image that has it. */
  readonly name: string;
  /** The time in every date of the new image, in ms since the epoch; now when absent. */
  readonly now?: number | undefined;
}
