import { VarveError } from "../../errors.ts";
import { defined, Fields } from "../json/fields.ts";
import { agreedMediaType } from "./media_type_claims.ts";
import { type Descriptor, descriptorToJson, parseDescriptor } from "./descriptor.ts";
import { type Encodable, encodeJson, sortedMap } from "../json/encode_json.ts";
import { type JsonValue, parseStrictJson } from "../json/strict_json.ts";
import { checkOciLimit, type OciLimits, ociLimits } from "../limits.ts";
import { MEDIA_TYPES } from "./media_type.ts";

/** An image manifest: a config and layers (image-spec, manifest.md; Docker schema 2). */
export interface Manifest {
  /** Tag. */
  readonly kind: "manifest";
  /** Media type, by which it is stored and pushed. */
  readonly mediaType: string;
  /** The config. */
  readonly config: Descriptor;
  /** The layers, lowest first. */
  readonly layers: readonly Descriptor[];
  /** Annotations; an object without prototype. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The type of the artifact, where it is one. */
  readonly artifactType?: string | undefined;
  /** The manifest that this one refers to. */
  readonly subject?: Descriptor | undefined;
  /** The bytes as they came: what its digest is of. */
  readonly raw: Uint8Array;
}

/** An image index: manifests for platforms (image-spec, image-index.md; Docker manifest list). */
export interface Index {
  /** Tag. */
  readonly kind: "index";
  /** Media type, by which it is stored and pushed. */
  readonly mediaType: string;
  /** Manifests and further indexes. */
  readonly manifests: readonly Descriptor[];
  /** Annotations; an object without prototype. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The type of the artifact, where it is one. */
  readonly artifactType?: string | undefined;
  /** The manifest that this one refers to. */
  readonly subject?: Descriptor | undefined;
  /** The bytes as they came: what its digest is of. */
  readonly raw: Uint8Array;
}

/** What a digest of an image can name. */
export type ImageDocument = Manifest | Index;

/** What is said of a document from outside. */
export interface DocumentOptions {
  /** The descriptor's media type. */
  readonly mediaType?: string | undefined;
  /** The `Content-Type` header. */
  readonly contentType?: string | undefined;
  /** Limits, where they are not the defaults. */
  readonly limits?: Partial<OciLimits> | undefined;
}

const NAMES = [
  "schemaVersion",
  "mediaType",
  "config",
  "layers",
  "manifests",
  "annotations",
  "artifactType",
  "subject",
  "fsLayers",
];

/**
 * Reads a manifest or an index.
 *
 * Media types that are known must agree: the document's own, the descriptor's and the header's. A
 * document without one is what its fields say. Whether it is an image at all is another question:
 * {@linkcode requireImage}.
 *
 * @throws {VarveError} `E_AMBIGUOUS` for a manifest and index at once, `E_SCHEMA1`, `E_MEDIA_TYPE`, `E_JSON`,
 * `E_FORMAT`, `E_SIZE`, `E_DIGEST_FORMAT`, `E_LIMIT`
 */
export function parseDocument(bytes: Uint8Array, options: DocumentOptions = {}): ImageDocument {
  const limits = ociLimits(options.limits);
  const json = parseStrictJson(bytes, {
    what: "manifest",
    maxBytes: Math.max(limits.manifest, limits.index),
    maxDepth: limits.jsonDepth,
  });
  const fields = new Fields(json, "manifest", NAMES);
  refuseSchema1(fields);
  const looksIndex = fields.has("manifests");
  const looksManifest = fields.has("layers") || fields.has("config");
  if (looksIndex && looksManifest) {
    throw new VarveError(
      "E_AMBIGUOUS",
      "Cannot read manifest: it is a manifest and an index at once",
    );
  }
  const shape = looksIndex ? "index" : looksManifest ? "manifest" : undefined;
  const mediaType = agreedMediaType(shape, fields.string("mediaType"), options);
  return shape === "index"
    ? readIndex(fields, mediaType, bytes, limits)
    : readManifest(fields, mediaType, bytes, limits);
}

/** Reads a manifest. @throws {VarveError} as {@linkcode parseDocument}; `E_MEDIA_TYPE` for an index */
export function parseManifest(
  bytes: Uint8Array,
  options: DocumentOptions | string = {},
): Manifest {
  const document = parseDocument(bytes, asOptions(options));
  if (document.kind === "manifest") return document;
  throw new VarveError("E_MEDIA_TYPE", "Cannot read manifest: it is an index", {
    actual: document.mediaType,
  });
}

/** Reads an index. @throws {VarveError} as {@linkcode parseDocument}; `E_MEDIA_TYPE` for a manifest */
export function parseIndex(bytes: Uint8Array, options: DocumentOptions | string = {}): Index {
  const document = parseDocument(bytes, asOptions(options));
  if (document.kind === "index") return document;
  throw new VarveError("E_MEDIA_TYPE", "Cannot read index: it is a manifest", {
    actual: document.mediaType,
  });
}

/** What a manifest is made of. */
export interface ManifestFields {
  /** OCI's by default. */
  readonly mediaType?: string | undefined;
  /** The config. */
  readonly config: Descriptor;
  /** The layers, lowest first. */
  readonly layers: readonly Descriptor[];
  /** The manifest that this one refers to. */
  readonly subject?: Descriptor | undefined;
  /** Annotations. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Writes a manifest: the same fields give the same bytes. */
export function encodeManifest(fields: ManifestFields): Uint8Array<ArrayBuffer> {
  const json: Encodable = {
    schemaVersion: 2,
    mediaType: fields.mediaType ?? MEDIA_TYPES.manifest,
    config: descriptorToJson(fields.config),
    layers: fields.layers.map(descriptorToJson),
    subject: fields.subject === undefined ? undefined : descriptorToJson(fields.subject),
    annotations: sortedMap(fields.annotations),
  };
  return encodeJson(json);
}

/** What an index is made of. */
export interface IndexFields {
  /** OCI's by default. */
  readonly mediaType?: string | undefined;
  /** The manifests, in this order. */
  readonly manifests: readonly Descriptor[];
  /** Annotations. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Writes an index: the same fields give the same bytes. */
export function encodeIndex(fields: IndexFields): Uint8Array<ArrayBuffer> {
  const json: Encodable = {
    schemaVersion: 2,
    mediaType: fields.mediaType ?? MEDIA_TYPES.index,
    manifests: fields.manifests.map(descriptorToJson),
    annotations: sortedMap(fields.annotations),
  };
  return encodeJson(json);
}

function asOptions(options: DocumentOptions | string): DocumentOptions {
  return typeof options === "string" ? { mediaType: options } : options;
}

function refuseSchema1(fields: Fields): void {
  const version = fields.raw("schemaVersion");
  if (version === 1 || fields.has("fsLayers")) {
    throw new VarveError(
      "E_SCHEMA1",
      "Cannot read manifest: it is Docker's schema 1, which names no uncompressed layers; push the image again with a current tool",
    );
  }
  if (version !== 2) {
    throw new VarveError("E_FORMAT", 'Cannot read manifest: its "schemaVersion" is not 2');
  }
}

function readManifest(
  fields: Fields,
  mediaType: string,
  raw: Uint8Array,
  limits: OciLimits,
): Manifest {
  checkOciLimit("manifest", limits.manifest, raw.length);
  if (!fields.has("config")) fields.missing("config");
  // A list of nothing is null where Go's writers made it.
  const layers = fields.array("layers") ?? [];
  checkOciLimit("layers", limits.layers, layers.length);
  return {
    kind: "manifest",
    mediaType,
    config: parseDescriptor(fields.raw("config"), "config's descriptor"),
    layers: layers.map((value, i) => parseDescriptor(value, `descriptor of layer ${i}`)),
    ...common(fields),
    raw,
  };
}

function readIndex(fields: Fields, mediaType: string, raw: Uint8Array, limits: OciLimits): Index {
  checkOciLimit("index", limits.index, raw.length);
  const manifests = fields.requiredArray("manifests");
  checkOciLimit("manifests", limits.manifests, manifests.length);
  return {
    kind: "index",
    mediaType,
    manifests: manifests.map((value, i) => parseDescriptor(value, `descriptor of manifest ${i}`)),
    ...common(fields),
    raw,
  };
}

function common(fields: Fields): Pick<Index, "annotations" | "artifactType" | "subject"> {
  const artifactType = fields.string("artifactType");
  const subject: JsonValue | undefined = fields.raw("subject");
  return defined({
    annotations: fields.map("annotations") ?? (Object.create(null) as Record<string, string>),
    artifactType: artifactType || undefined,
    subject: subject === undefined ? undefined : parseDescriptor(subject, "subject"),
  });
}
