import { formatBytes } from "../bytes/mod.ts";
import type { LoadedImage, LoadProgress } from "../image/mod.ts";
import type { Context } from "./context.ts";
import type { ProgressItem } from "./display/progress.ts";
import { shortDigest } from "./display/short.ts";
import { warnOf } from "./display/warnings.ts";
import type { MountReport } from "./report_mount.ts";
import type { Report } from "./verb.ts";

/**
 * The report of a verb that brought images into the store, such as `load`, `pull` or `squash`. Prints the
 * warnings of their layers.
 */
export function reportImages(
  context: Context,
  images: readonly LoadedImage[],
  mounted: MountReport | null = null,
): Report {
  warnOfLayers(context, images);
  return {
    json: { images: images.map(toJson), ...(mounted === null ? {} : { mounted: mounted.json }) },
    text: images.map(toText).join("") + (mounted === null ? "" : `  mounted   ${mounted.text}`),
  };
}

function toJson(image: LoadedImage): unknown {
  return {
    name: image.names[0],
    names: image.names,
    imageId: image.imageId,
    manifest: image.manifest,
    chainId: image.chainId,
    layers: image.layers.map(({ warnings: _, ...layer }) => layer),
  };
}

function toText(image: LoadedImage): string {
  const made = image.layers.filter((layer) => layer.processed).length;
  const size = image.layers.reduce((sum, layer) => sum + layer.uncompressedSize, 0);
  return image.names.map((name) => `${name}\n`).join("") +
    `  image ID  ${image.imageId}\n  manifest  ${image.manifest}\n` +
    `  layers    ${image.layers.length} (${made} verified now, ${
      image.layers.length - made
    } already here), ${formatBytes(size)} uncompressed\n`;
}

/** Prints the warnings about the layers of images. */
export function warnOfLayers(context: Context, images: readonly LoadedImage[]): void {
  for (const { layers } of images) {
    for (const { diffId, warnings } of layers) {
      warnOf(context, `layer ${shortDigest(diffId)}`, warnings);
    }
  }
}

/** Fewest uncompressed bytes for which a speed is shown. With fewer, it would mostly measure the start of a worker. */
const MEASURABLE = 10_000_000;

/** Shows one bar or line for each layer, with its diffID. */
export function layerProgress(context: Context): (progress: LoadProgress) => void {
  const items = new Map<string, { readonly item: ProgressItem; start: number }>();
  return ({ layer, diffId, total, read, written, state }) => {
    let shown = items.get(layer);
    if (shown === undefined) {
      // 0 means that the size is not known yet.
      const size = total === 0 ? undefined : total;
      shown = { item: context.progress.start(shortDigest(layer), size), start: 0 };
      items.set(layer, shown);
    }
    const label = shortDigest(diffId ?? layer);
    if (state === "begin") shown.start = Date.now();
    if (state === "begin" || state === "running") {
      shown.item.update(read, total === 0 ? undefined : total);
    }
    if (state === "present") shown.item.done("already here", label);
    if (state === "done") {
      const seconds = Math.max(0.001, (Date.now() - shown.start) / 1000);
      const speed = written < MEASURABLE
        ? ""
        : ` at ${formatBytes(Math.round(written / seconds))}/s`;
      shown.item.done(`verified, ${formatBytes(written)}${speed}`, label);
    }
  };
}
