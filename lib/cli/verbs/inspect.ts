import { formatPlatform } from "../../oci/mod.ts";
import { chainIds } from "../../layer/mod.ts";
import { openImage } from "../images.ts";
import { formatBytes } from "../progress.ts";
import { shortDigest } from "../short.ts";
import { table } from "../table.ts";
import type { Verb } from "../verb.ts";

const decoder = new TextDecoder();

/** `varve inspect`. */
export const inspect: Verb = {
  usage: "inspect <ref>",
  summary: "show an image's manifest and config",
  help: `JSON: {"name","target","manifest","config","imageId","chainId","layers":[…as in layers]}`,
  async run(context, [reference = ""]) {
    const store = await context.store();
    const image = await openImage(store, reference);
    const json = {
      name: image.record.name,
      target: image.record.target,
      platform: formatPlatform(image.config.platform),
      imageId: image.imageId,
      chainId: image.chainId,
      manifest: JSON.parse(decoder.decode(image.manifest.raw)) as unknown,
      config: JSON.parse(decoder.decode(image.config.raw)) as unknown,
    };
    return { json, text: JSON.stringify(json, null, 2) + "\n" };
  },
};

/** `varve history`. */
export const history: Verb = {
  usage: "history <ref>",
  summary: "show how an image came to be",
  help: `Newest first, as docker history.

JSON: [{"created","createdBy","author","comment","emptyLayer","diffId","size"}]`,
  async run(context, [reference = ""]) {
    const store = await context.store();
    const image = await openImage(store, reference);
    let next = 0;
    const rows = image.config.history.map((entry) => {
      const layer = entry.emptyLayer === true ? undefined : image.layers[next++];
      return {
        created: entry.created ?? null,
        createdBy: entry.createdBy ?? null,
        author: entry.author ?? null,
        comment: entry.comment ?? null,
        emptyLayer: entry.emptyLayer === true,
        diffId: layer?.diffId ?? null,
        size: layer === undefined ? 0 : store.layers.get(layer.diffId)?.size ?? null,
      };
    }).reverse();
    return {
      json: rows,
      text: table(
        ["LAYER", "CREATED", "SIZE", "CREATED BY", "COMMENT"],
        rows.map((row) => [
          row.diffId === null ? "<none>" : shortDigest(row.diffId),
          row.created?.slice(0, 19) ?? "",
          row.size === null ? "" : formatBytes(row.size),
          printable(row.createdBy ?? "", 60),
          printable(row.comment ?? "", 40),
        ]),
      ),
    };
  },
};

/** `varve layers`. */
export const layers: Verb = {
  usage: "layers <ref>",
  summary: "show the layer table: diffID, chainID, parent, sizes, cache id",
  help: `Lowest first.

JSON: [{"digest","mediaType","diffId","chainId","parent","size","uncompressedSize","entries",
"treeDigest","cacheId"}]`,
  async run(context, [reference = ""]) {
    const store = await context.store();
    const image = await openImage(store, reference);
    const chains = chainIds(image.layers.map((layer) => layer.diffId));
    const rows = image.layers.map(({ descriptor, diffId }, i) => {
      const record = store.layers.get(diffId);
      return {
        digest: descriptor.digest,
        mediaType: descriptor.mediaType,
        diffId,
        chainId: chains[i] as string,
        parent: chains[i - 1] ?? null,
        size: descriptor.size,
        uncompressedSize: record?.size ?? null,
        entries: record?.entries ?? null,
        treeDigest: record?.treeDigest ?? null,
        cacheId: record?.cacheId ?? null,
      };
    });
    return {
      json: rows,
      text: table(
        ["DIFF ID", "CHAIN ID", "PARENT", "BLOB", "SIZE", "UNCOMPRESSED", "ENTRIES", "CACHE ID"],
        rows.map((row) => [
          shortDigest(row.diffId),
          shortDigest(row.chainId),
          row.parent === null ? "-" : shortDigest(row.parent),
          shortDigest(row.digest),
          formatBytes(row.size),
          row.uncompressedSize === null ? "" : formatBytes(row.uncompressedSize),
          row.entries ?? "",
          row.cacheId ?? "",
        ]),
      ),
    };
  },
};

/** Text of an image on one line: control characters escaped, cut to a width. */
function printable(text: string, width: number): string {
  const flat = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return flat.length > width ? flat.slice(0, width - 1) + "…" : flat;
}
