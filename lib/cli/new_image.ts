import { VarveError } from "../errors.ts";
import type { NewImageOptions } from "../image/mod.ts";
import type { Context } from "./context.ts";
import { hostPlatform } from "./images.ts";
import { inflaterOf } from "./options.ts";
import { loadSettings } from "./settings.ts";
import { sourceDate } from "./source_date.ts";
import { layerProgress } from "./report_images.ts";

/** What the settings and the environment say of an image that is made. @throws {VarveError} `E_USAGE` */
export async function newImageOptions(context: Context, name: string): Promise<NewImageOptions> {
  const now = sourceDate(context);
  const store = await context.store();
  const { policy, limits, streamLimits } = loadSettings(store);
  return {
    name,
    now,
    pool: await context.pool(),
    host: hostPlatform(),
    signal: context.signal,
    onProgress: layerProgress(context),
    policy,
    limits,
    streamLimits,
    inflater: inflaterOf(context.options, store),
  };
}

/** A tar that the user names: a file, or standard input for `-`. @throws {VarveError} `E_USAGE` */
export function tarSource(context: Context, source: string): string | ReadableStream<Uint8Array> {
  if (source !== "-") return source;
  if (!context.io.isTerminal("stdin")) return context.io.stdin();
  throw new VarveError("E_USAGE", "Cannot read a tar from a terminal: give a file or a pipe");
}

/** What `--help` says of the JSON document of a verb that makes an image. */
export const IMAGE_JSON =
  `JSON: {"images":[{"name","names","imageId","manifest","chainId","layers":[{"digest","diffId",
"chainId","size","uncompressedSize","cacheId","processed"}]}]}, with one image, as for load`;

/** What `--help` says of dates. */
export const DATES = "Dates in the image are now, or what SOURCE_DATE_EPOCH says.";
