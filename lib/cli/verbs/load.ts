import { loadImages } from "../../archive/mod.ts";
import { VarveError } from "../../errors.ts";
import type { LoadedImage, LoadProgress } from "../../image/mod.ts";
import type { Context } from "../context.ts";
import { formatBytes, type ProgressItem } from "../display/progress.ts";
import { shortDigest } from "../display/short.ts";
import { warnOf } from "../display/warnings.ts";
import { hostPlatform, platformOption } from "../images.ts";
import { expectImage, MOUNT_OPTION } from "../mount_arrived.ts";
import { inflaterOf } from "../options.ts";
import type { MountReport } from "../report_mount.ts";
import { loadSettings } from "../settings.ts";
import { type Report, text, type Verb } from "../verb.ts";

/** `varve load`. */
export const load: Verb = {
  usage: "load <source>",
  summary: "load images from an archive, an OCI layout or standard input (-)",
  help:
    `SOURCE is a docker-archive or an OCI layout, as a tar (plain, gzip or zstd) or a directory, or - for
standard input. Every byte is verified: blobs against their digests, layers against the diffIDs.
All images of the archive become visible at once, or none does. --mount is what 'varve mount' does then,
without a start of its own; what can be refused of the directory is refused before anything is loaded.

JSON: {"images":[{"name","names","imageId","manifest","chainId","layers":[{"digest","diffId",
"chainId","size","uncompressedSize","cacheId","processed"}]}]}, and with --mount "mounted" as in mount.

Examples:
  varve load app.tar
  varve load ./layout --name app:1
  zstd -dc app.tar.zst | varve load -`,
  configure(command) {
    command
      .option("--name <ref>", "name of the image, instead of those in the archive")
      .option("--platform <platform>", "only this platform of an index, such as linux/arm64")
      .option(...MOUNT_OPTION);
  },
  async run(context, [source = ""], options) {
    if (source === "-" && context.io.isTerminal("stdin")) {
      throw new VarveError("E_USAGE", "Cannot load from a terminal: give a file or a pipe");
    }
    const name = text(options, "name");
    const platform = platformOption(text(options, "platform"));
    const store = await context.store();
    const arrival = await expectImage(context, text(options, "mount"));
    const images = await loadImages(store, source === "-" ? context.io.stdin() : source, {
      pool: await context.pool(),
      ...loadSettings(store),
      inflater: inflaterOf(context.options, store),
      host: hostPlatform(),
      signal: context.signal,
      onProgress: progressOf(context),
      onWarning: (message) => context.warn(message),
      name,
      platform,
    });
    return reportOf(context, images, await arrival.arrive(images, platform));
  },
};

/** What is said of images that came in, by `load` and whatever brings images; warns of what was left out. */
export function reportOf(
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

function warnOfLayers(context: Context, images: readonly LoadedImage[]): void {
  for (const { layers } of images) {
    for (const { diffId, warnings } of layers) {
      warnOf(context, `layer ${shortDigest(diffId)}`, warnings);
    }
  }
}

/** Bytes below which a speed would be that of starting a worker. */
const MEASURABLE = 10_000_000;

/** Shows one bar or line for each layer. */
export function progressOf(context: Context): (progress: LoadProgress) => void {
  const items = new Map<string, { item: ProgressItem; start: number }>();
  return ({ layer, total, read, written, state }) => {
    let shown = items.get(layer);
    if (shown === undefined) {
      shown = { item: context.progress.start(shortDigest(layer), total), start: Date.now() };
      items.set(layer, shown);
    }
    if (state === "running") shown.item.update(read);
    if (state === "present") shown.item.done("already here");
    if (state === "done") {
      const seconds = Math.max(0.001, (Date.now() - shown.start) / 1000);
      const speed = written < MEASURABLE
        ? ""
        : ` at ${formatBytes(Math.round(written / seconds))}/s`;
      shown.item.done(`verified, ${formatBytes(written)}${speed}`);
    }
  };
}
