import type { LoadOptions } from "../../image/mod.ts";
import type { Store } from "../../store/mod.ts";
import type { Context } from "../context.ts";
import { inflaterOf } from "../options.ts";
import { layerProgress } from "../report_images.ts";
import { loadSettings } from "../settings.ts";

/** How every verb reads layers into a store: by its settings and the command line, with progress. */
export async function readingOptions(
  context: Context,
  store: Store,
): Promise<
  & ReturnType<typeof loadSettings>
  & Pick<LoadOptions, "pool" | "inflater" | "signal" | "onProgress">
> {
  return {
    pool: await context.pool(),
    ...loadSettings(store),
    inflater: inflaterOf(context.options, store),
    signal: context.signal,
    onProgress: layerProgress(context),
  };
}
