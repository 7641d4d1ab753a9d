import { formatBytes } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { chainIds } from "../../../layer/mod.ts";
import { formatPlatform, parseStrictJson, tryParseReference } from "../../../oci/mod.ts";
import { documentLimits, type Store, type StoredImage } from "../../../store/mod.ts";
import type { Context } from "../../context.ts";
import { jsonParts } from "../../display/json.ts";
import { printableLine } from "../../display/printable.ts";
import { digestStyle, NO_TRUNC } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { registryClient } from "../../registry.ts";
import { openDocuments } from "../../sources/open_image.ts";
import type { Options, Verb } from "../../verb.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve inspect`. */
export const inspect: Verb = {
  usage: "inspect <ref...>",
  withoutStore: "refuses",
  summary: "show an image's manifest and config",
  onlyReads: true,
  help:
    `The text output is the JSON document as well. --referrers asks the registry in the image's name for the
signatures, attestations and other artifacts that refer to the image.

JSON: {"name","target","platform","imageId","chainId","manifest","config","layers":[…as in layers],
"referrers":[{"mediaType","artifactType","digest","size","annotations"}]}; of several images a list of them

Example:
  varve inspect --format '{{.name}} {{.platform}}' debian:11 debian:12`,
  configure(command) {
    command
      .option("--referrers", "also list what refers to the image in its registry")
      .option(...PLATFORM_OPTION)
      .option(...PLAIN_HTTP_OPTION);
  },
  async run(context, references, options) {
    const found: Record<string, unknown>[] = [];
    for (const reference of references) found.push(await documentOf(context, reference, options));
    const json = found.length === 1 ? found[0] : found;
    return { json, text: jsonParts(json), isDocument: true };
  },
};

async function documentOf(
  context: Context,
  reference: string,
  options: Options,
): Promise<Record<string, unknown>> {
  const { store, image } = await openDocuments(context, reference, options);
  const { manifest: maxBytes, jsonDepth: maxDepth, jsonValues: maxValues } = documentLimits(store);
  const json: Record<string, unknown> = {
    name: image.record.name,
    target: image.record.target,
    platform: formatPlatform(image.config.platform),
    imageId: image.imageId,
    chainId: image.chainId,
    manifest: parseStrictJson(image.manifest.raw, { maxBytes, maxDepth, maxValues }),
    config: image.config.document,
    layers: layerRows(store, image),
  };
  if (options["referrers"] === true) {
    json["referrers"] = await referrers(context, image, isPlainHttp(options));
  }
  return json;
}

/** The artifacts that refer to an image, from the registry in the name of the image. */
async function referrers(
  context: Context,
  { record: { name, target } }: StoredImage,
  plainHttp: boolean,
): Promise<unknown[]> {
  const reference = tryParseReference(name);
  if (reference === undefined) {
    throw new VarveError(
      "E_USAGE",
      `Cannot list referrers of ${name}: the image has no name in a registry`,
    );
  }
  using client = await registryClient(context, reference, { plainHttp });
  const found = await client.referrers(reference.repository, target.digest, context.signal);
  return found.map(({ mediaType, artifactType, digest, size, annotations }) => ({
    mediaType,
    artifactType: artifactType ?? null,
    digest,
    size,
    annotations: annotations ?? {},
  }));
}

/** Columns of a terminal that `varve history` needs besides its texts. */
const OTHER_COLUMNS = 50;

/** `varve history`. */
export const history: Verb = {
  usage: "history <ref>",
  withoutStore: "refuses",
  summary: "show the history of an image",
  onlyReads: true,
  help:
    `The newest step is first, as in docker history. On a terminal, long commands and comments are cut; elsewhere
they are whole.

JSON: [{"created","createdBy","author","comment","emptyLayer","diffId","size"}]

Example:
  varve history debian:12`,
  configure(command) {
    command.option(...NO_TRUNC).option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [reference = ""], options) {
    const { store, image } = await openDocuments(context, reference, options);
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
    const show = digestStyle(options);
    const columns = options["trunc"] === false ? undefined : context.columns;
    const room = (columns ?? 0) - OTHER_COLUMNS;
    return {
      json: rows,
      text: table(
        ["LAYER", "CREATED", "SIZE", "CREATED BY", "COMMENT"],
        rows.map((row) => [
          row.diffId === null ? "<none>" : show(row.diffId),
          row.created?.slice(0, 19) ?? "",
          row.size === null ? "" : formatBytes(row.size),
          printableLine(row.createdBy ?? "", Math.max(60, 0.6 * room), columns),
          printableLine(row.comment ?? "", Math.max(40, 0.4 * room), columns),
        ]),
        context.columns,
      ),
    };
  },
};

/** `varve layers`. */
export const layers: Verb = {
  usage: "layers <ref>",
  withoutStore: "refuses",
  summary: "list the layers of an image: diffID, chainID, parent, sizes, cache id",
  onlyReads: true,
  help: `The lowest layer is first.

JSON: [{"digest","mediaType","diffId","chainId","parent","size","uncompressedSize","entries",
"treeDigest","cacheId"}]

Example:
  varve layers debian:12`,
  configure(command) {
    command.option(...NO_TRUNC).option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [reference = ""], options) {
    const { store, image } = await openDocuments(context, reference, options);
    const rows = layerRows(store, image);
    const show = digestStyle(options);
    return {
      json: rows,
      text: table(
        ["DIFF ID", "CHAIN ID", "PARENT", "BLOB", "SIZE", "UNCOMPRESSED", "ENTRIES", "CACHE ID"],
        rows.map((row) => [
          show(row.diffId),
          show(row.chainId),
          row.parent === null ? "-" : show(row.parent),
          show(row.digest),
          formatBytes(row.size),
          row.uncompressedSize === null ? "" : formatBytes(row.uncompressedSize),
          row.entries ?? "",
          row.cacheId ?? "",
        ]),
        context.columns,
      ),
    };
  },
};

/** A layer of an image, with what the store knows about it. */
interface LayerRow {
  readonly digest: string;
  readonly mediaType: string;
  readonly diffId: string;
  readonly chainId: string;
  readonly parent: string | null;
  readonly size: number;
  readonly uncompressedSize: number | null;
  readonly entries: number | null;
  readonly treeDigest: string | null;
  readonly cacheId: number | null;
}

function layerRows(store: Store, image: StoredImage): LayerRow[] {
  const chains = chainIds(image.layers.map((layer) => layer.diffId));
  return image.layers.map(({ descriptor, diffId }, i) => {
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
}
