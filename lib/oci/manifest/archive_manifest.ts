import { type ByteString, fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { Fields } from "../json/fields.ts";
import { encodeJson } from "../json/encode_json.ts";
import { type JsonValue, parseStrictJson } from "../json/strict_json.ts";
import { checkOciLimit, type OciLimits, ociLimits } from "../limits.ts";

/**
 * One image of Docker's `manifest.json`. It refers to config
 * and layers by the names of archive entries.
 */
export interface ArchiveImage {
  /** Name of the entry that holds the config. */
  readonly config: ByteString;
  /** Names of the image as written in the archive. Not checked. */
  readonly repoTags: readonly string[];
  /** Names of the entries that hold the layers, lowest first. */
  readonly layers: readonly ByteString[];
}

const NAMES = ["Config", "RepoTags", "Layers", "Parent", "LayerSources"];

/**
 * Reads the `manifest.json` of a docker-archive.
 *
 * @throws {VarveError} `E_FORMAT` when it lists no image, `E_PATH_ESCAPE` when an entry's name could
 * lead outside the archive, `E_JSON`, `E_LIMIT`
 */
export function parseArchiveManifest(
  bytes: Uint8Array,
  options: { readonly limits?: Partial<OciLimits> | undefined } = {},
): readonly ArchiveImage[] {
  const limits = ociLimits(options.limits);
  const json = parseStrictJson(bytes, {
    what: "manifest.json",
    maxBytes: limits.manifest,
    maxDepth: limits.jsonDepth,
    maxValues: limits.jsonValues,
  });
  if (!Array.isArray(json) || json.length === 0) {
    throw new VarveError("E_FORMAT", "Cannot read manifest.json: it is not a list of images");
  }
  checkOciLimit("manifests", limits.manifests, json.length);
  let names = 0;
  return json.map((value: JsonValue, i: number) => {
    const fields = new Fields(value, `image ${i} of manifest.json`, NAMES);
    const layers = fields.strings("Layers") ?? [];
    checkOciLimit("layers", limits.layers, layers.length);
    const repoTags = fields.strings("RepoTags") ?? [];
    checkOciLimit("names", limits.names, names += repoTags.length);
    return {
      config: entryName(fields.string("Config") ?? fields.missing("Config")),
      repoTags,
      layers: layers.map(entryName),
    };
  });
}

/** Writes the `manifest.json` of a docker-archive. The same images give the same bytes. */
export function encodeArchiveManifest(
  images: readonly {
    readonly config: string;
    readonly repoTags: readonly string[];
    readonly layers: readonly string[];
  }[],
): Uint8Array<ArrayBuffer> {
  return encodeJson(images.map(({ config, repoTags, layers }) => ({
    Config: config,
    RepoTags: repoTags.length === 0 ? null : repoTags,
    Layers: layers,
  })));
}

function entryName(name: string): ByteString {
  if (
    name === "" || name.startsWith("/") || name.includes("\0") || name.split("/").includes("..")
  ) {
    throw new VarveError(
      "E_PATH_ESCAPE",
      `Cannot read manifest.json: ${
        JSON.stringify(name.slice(0, 120))
      } is not a safe name of an archive entry`,
    );
  }
  return fromText(name);
}
