import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { ConfigOptions, HistoryEntry, ImageConfig } from "./config.ts";
import { editConfig, madeLayers, wholeHistory } from "./edit_config.ts";
import { formatPlatform } from "../platform/platform.ts";

/**
 * The config of an image whose layers were squashed into one.
 *
 * All steps stay in the history, marked as steps that made no layer. `entry` is added as the step
 * that made the new layer. `docker build --squash` does the same.
 *
 * @param diffId diffID of the squashed layer
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
 * The config of an image that was moved to another base, as by `crane rebase`.
 *
 * The settings of its containers stay. The layers and the history of the new base replace those of
 * the old base.
 *
 * @param created time of creation, RFC 3339
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

/**
 * The build steps of an image above its base. If the history begins with the whole history of the
 * base, the result is the rest of it. Otherwise the result begins at the step of the first layer
 * above the base.
 */
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
