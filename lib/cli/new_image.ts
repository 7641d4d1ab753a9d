import { VarveError } from "../errors.ts";
import type { NewImageOptions } from "../image/mod.ts";
import { refuseTransport } from "./archive_source.ts";
import type { Context } from "./context.ts";
import { hostPlatform } from "../store/mod.ts";
import { inflaterOf } from "./options.ts";
import { loadSettings } from "./settings.ts";
import { sourceDate } from "./source_date.ts";
import { layerProgress } from "./report_images.ts";

/**
 * Options for making a new image, from the settings and the environment.
 *
 * @param now its date, in ms since the epoch
 * @throws {VarveError} `E_USAGE`
 */
export async function newImageOptions(
  context: Context,
  name: string,
  now: NewImageOptions["now"] = sourceDate(context),
): Promise<NewImageOptions> {
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

/**
 * The tar that an argument names: a file, or standard input for `-`.
 *
 * @throws {VarveError} `E_USAGE` when it names an image, or when standard input is a terminal
 */
export function tarSource(
  context: Context,
  source: string,
  verb: string,
): string | ReadableStream<Uint8Array> {
  refuseTransport(source, verb);
  if (source !== "-") return source;
  if (!context.io.isTerminal("stdin")) return context.io.stdin();
  throw new VarveError("E_USAGE", "Cannot read a tar from a terminal: give a file or a pipe");
}

/** Text of `--help` about the JSON document of a verb that makes an image. */
export const IMAGE_JSON =
  `JSON: {"images":[{"name","names","imageId","manifest","chainId","layers":[{"digest","diffId",
"chainId","size","uncompressedSize","cacheId","processed"}]}]}, with one image, as in load`;

/** Text of `--help` about the dates in a new image. */
export const DATES = "Dates in the image are the current time, or SOURCE_DATE_EPOCH if it is set.";
