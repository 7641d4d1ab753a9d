import type { Command } from "commander";
import { formatBytes } from "../bytes/mod.ts";
import { COMPRESSION_LEVELS } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import type { CompressImageOptions } from "../image/mod.ts";
import type { Context } from "./context.ts";
import type { ProgressItem } from "./display/progress.ts";
import { shortDigest } from "./display/short.ts";
import { oneOf } from "./options.ts";
import { type Options, stringOption } from "./verb.ts";

/** Adds the options that {@linkcode compressionOf} reads. */
export function addCompressionOptions(command: Command): void {
  command
    .option(
      "--compression <format>",
      "compress layers that are not compressed yet: gzip, zstd or none",
    )
    .option("--compression-level <n>", "0 to 9 for gzip (default 6), 1 to 19 for zstd (default 3)");
}

/** The compression that the options ask for; `undefined` for `none`. @throws {VarveError} `E_USAGE` */
export async function compressionOf(
  context: Context,
  options: Options,
): Promise<CompressImageOptions | undefined> {
  const named = stringOption(options, "compression") ?? "none";
  const format = oneOf("--compression", named, ["none", "gzip", "zstd"]);
  const wanted = stringOption(options, "compressionLevel");
  if (format === "none") {
    if (wanted === undefined) return undefined;
    throw new VarveError("E_USAGE", "Cannot use --compression-level without --compression");
  }
  const items = new Map<string, ProgressItem>();
  return {
    pool: await context.pool(),
    format,
    level: wanted === undefined ? undefined : levelOf(format, wanted),
    signal: context.signal,
    onProgress: ({ digest, size }, read) => {
      let item = items.get(digest);
      if (item === undefined) {
        item = context.progress.start(`${shortDigest(digest)} ${format}`, size);
        items.set(digest, item);
      }
      if (read === size) item.done("compressed");
      else item.update(read);
    },
  };
}

/** The warning about layers that were sent uncompressed. */
export function sentUncompressed(layers: readonly { readonly size: number }[]): string {
  const size = formatBytes(layers.reduce((sum, layer) => sum + layer.size, 0));
  return `${layers.length} ${
    layers.length === 1 ? "layer was" : "layers were"
  } sent uncompressed (${size}); --compression zstd or gzip compresses such layers first`;
}

function levelOf(format: "gzip" | "zstd", value: string): number {
  const [least, most] = COMPRESSION_LEVELS[format];
  const level = /^[0-9]{1,2}$/.test(value) ? Number(value) : NaN;
  if (level >= least && level <= most) return level;
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${
      JSON.stringify(value)
    } for --compression-level: ${format} has levels ${least} to ${most}`,
  );
}
