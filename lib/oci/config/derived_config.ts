import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { ConfigOptions, HistoryEntry, ImageConfig } from "./config.ts";
import type { Descriptor } from "../manifest/descriptor.ts";
import { editConfig, madeLayers, wholeHistory } from "./edit_config.ts";
import { compressionOf, isNondistributable, layerMediaType } from "../manifest/media_type.ts";
import { formatPlatform } from "../platform/platform.ts";

/** A time in ms since the epoch as documents have it: RFC 3339 in UTC, without a fraction that says nothing. */
export function documentTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.000Z$/, "Z");
}

/** A layer's descriptor for an OCI manifest, whatever the manifest was that it comes from. */
export function ociLayer(descriptor: Descriptor): Descriptor {
  const { mediaType } = descriptor;
  if (isNondistributable(mediaType)) return descriptor;
  return { ...descriptor, mediaType: layerMediaType(compressionOf(mediaType)) };
}

/**
 * The config of an image whose layers became one. The steps that made them stay in its history, as
 * such that made no layer, and `entry` is the one that did; so does `docker build --squash`.
 */
export function squashedConfig(
  config: ImageConfig,
  diffId: DiffId,
  entry: HistoryEntry,
  options: ConfigOptions = {},
): ImageConfig {
  return editConfig(config, {
    created: entry.created,
    diffIds: [diffId],
    history: [...config.history.map((step) => ({ ...step, emptyLayer: true })), entry],
  }, options);
}

/**
 * The config of an image that was put on another base: what it says of containers stays, its layers
 * and its history begin as the new base's do (`crane rebase`).
 *
 * @param created RFC 3339
 * @throws {VarveError} `E_PLATFORM` when the new base is for another platform
 */
export function rebasedConfig(
  config: ImageConfig,
  oldBase: ImageConfig,
  newBase: ImageConfig,
  created: string,
  options: ConfigOptions = {},
): ImageConfig {
  const [own, other] = [config.platform, newBase.platform];
  if (own.os !== other.os || own.architecture !== other.architecture) {
    throw new VarveError(
      "E_PLATFORM",
      "Cannot rebase image: the new base is for another platform",
      { expected: formatPlatform(own), actual: formatPlatform(other) },
    );
  }
  return editConfig(config, {
    created,
    diffIds: [...newBase.diffIds, ...config.diffIds.slice(oldBase.diffIds.length)],
    history: [
      ...wholeHistory(newBase),
      ...historyAbove(wholeHistory(config), wholeHistory(oldBase), oldBase.diffIds.length),
    ],
  }, options);
}

/** The history of an image above its base: what follows the base's own, or else its layers. */
function historyAbove(
  history: readonly HistoryEntry[],
  base: readonly HistoryEntry[],
  baseLayers: number,
): readonly HistoryEntry[] {
  const begins = base.every((step, i) => sameStep(step, history[i]));
  if (begins && madeLayers(base) === baseLayers) return history.slice(base.length);
  let layers = baseLayers;
  const at = history.findIndex(({ emptyLayer }) => emptyLayer !== true && layers-- === 0);
  return at < 0 ? [] : history.slice(at);
}

function sameStep(a: HistoryEntry, b: HistoryEntry | undefined): boolean {
  return b !== undefined && a.created === b.created && a.createdBy === b.createdBy &&
    (a.emptyLayer ?? false) === (b.emptyLayer ?? false);
}
