import { VarveError } from "../../errors.ts";
import { defined, Fields } from "../json/fields.ts";
import { agreedMediaType } from "./media_type_claims.ts";
import { type Descriptor, descriptorToJson, parseDescriptor } from "./descriptor.ts";
import { type Encodable, encodeJson, sortedMap } from "../json/encode_json.ts";
import { type JsonValue, parseStrictJson } from "../json/strict_json.ts";
import { checkOciLimit, type OciLimits, ociLimits } from "../limits.ts";
import { MEDIA_TYPES } from "./media_type.ts";

/** A manifest: one config and its layers (image-spec, manifest.md; Docker's schema 2). */
export interface Manifest {
  /** Tells a manifest from an index. */
  readonly kind: "manifest";
  /** Media type under which it is stored and pushed. */
  readonly mediaType: string;
  /** Descriptor of the config. */
  readonly config: Descriptor;
  /** Descriptors of the layers, lowest first. */
  readonly layers: readonly Descriptor[];
  /** Annotations, as an object without prototype; empty when there are none. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Type of the artifact, if the document is an artifact. */
  readonly artifactType?: string | undefined;
  /** The manifest that this document refers to, as a signature refers to an image. */
  readonly subject?: Descriptor | undefined;
  /** The original bytes. Their digest is the digest of the manifest. */
  readonly raw: Uint8Array;
}

/** An index: manifests for several platforms (image-spec, image-index.md; Docker's manifest list). */
export interface Index {
  /** Tells a manifest from an index. */
  readonly kind: "index";
  /** Media type under which it is stored and pushed. */
  readonly mediaType: string;
  /** Descriptors of manifests and of inner indexes. */
  readonly manifests: readonly Descriptor[];
  /** Annotations, as an object without prototype; empty when there are none. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Type of the artifact, if the document is an artifact. */
  readonly artifactType?: string | undefined;
  /** The manifest that this document refers to, as a signature refers to an image. */
  readonly subject?: Descriptor | undefined;
  /** The original bytes. Their digest is the digest of the index. */
  readonly raw: Uint8Array;
}

/** A document that the digest of an image can name. */
export type ImageDocument = Manifest | Index;

/** Options of {@linkcode parseDocument}: what is known about the document from elsewhere. */
export interface DocumentOptions {
  /** Media type in the descriptor that names the document. */
  readonly mediaType?: string | undefined;
  /** `Content-Type` header of the response that brought the document. */
  readonly contentType?: string | undefined;
  /** Limits that differ from {@linkcode OCI_LIMITS}. */
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
 * The document's own media type must be a type that varve knows. It must agree with the media types
 * in `options`, except those that varve does not know: they are ignored. A document without media
 * type is judged by its fields. The result can still be an artifact; {@linkcode requireImage} refuses
 * artifacts.
 *
 * @throws {VarveError} `E_AMBIGUOUS` when it is a manifest and an index at once, `E_SCHEMA1`,
 * `E_MEDIA_TYPE`, `E_JSON`, `E_FORMAT`, `E_SIZE`, `E_DIGEST_FORMAT`, `E_LIMIT`
 */
export function parseDocument(bytes: Uint8Array, options: DocumentOptions = {}): ImageDocument {
  const limits = ociLimits(options.limits);
  const json = parseStrictJson(bytes, {
    what: "manifest",
    maxBytes: Math.max(limits.manifest, limits.index),
    maxDepth: limits.jsonDepth,
    maxValues: limits.jsonValues,
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

/**
 * Reads a manifest.
 *
 * @param options options, or only the media type that the descriptor gives
 * @throws {VarveError} `E_MEDIA_TYPE` for an index; the errors of {@linkcode parseDocument}
 */
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

/**
 * Reads an index.
 *
 * @param options options, or only the media type that the descriptor gives
 * @throws {VarveError} `E_MEDIA_TYPE` for a manifest; the errors of {@linkcode parseDocument}
 */
export function parseIndex(bytes: Uint8Array, options: DocumentOptions | string = {}): Index {
  const document = parseDocument(bytes, asOptions(options));
  if (document.kind === "index") return document;
  throw new VarveError("E_MEDIA_TYPE", "Cannot read index: it is a manifest", {
    actual: document.mediaType,
  });
}

/** Input of {@linkcode encodeManifest}. */
export interface ManifestFields {
  /** Media type of the manifest. Default: OCI's. */
  readonly mediaType?: string | undefined;
  /** Descriptor of the config. */
  readonly config: Descriptor;
  /** Descriptors of the layers, lowest first. */
  readonly layers: readonly Descriptor[];
  /** The manifest that this manifest refers to. */
  readonly subject?: Descriptor | undefined;
  /** Annotations; written with sorted keys. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Writes a manifest. The same fields give the same bytes. */
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

/** Input of {@linkcode encodeIndex}. */
export interface IndexFields {
  /** Media type of the index. Default: OCI's. */
  readonly mediaType?: string | undefined;
  /** Descriptors of the manifests, in the order to write. */
  readonly manifests: readonly Descriptor[];
  /** The manifest that this index refers to. */
  readonly subject?: Descriptor | undefined;
  /** Annotations; written with sorted keys. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Writes an index. The same fields give the same bytes. */
export function encodeIndex(fields: IndexFields): Uint8Array<ArrayBuffer> {
  const json: Encodable = {
    schemaVersion: 2,
    mediaType: fields.mediaType ?? MEDIA_TYPES.index,
    manifests: fields.manifests.map(descriptorToJson),
    subject: fields.subject === undefined ? undefined : descriptorToJson(fields.subject),
    annotations: sortedMap(fields.annotations),
  };
  return encodeJson(json);
}

function asOptions(options: DocumentOptions | string): DocumentOptions {
  return typeof options === "string" ? { mediaType: options } : options;
}

function refuseSchema1(fields: Fields): void {
  const version = fields.integerOrText("schemaVersion");
  if (version === 1 || fields.has("fsLayers")) {
    throw new VarveError(
      "E_SCHEMA1",
      "Cannot read manifest: it is Docker's schema 1, which has no digests of uncompressed layers; push the image again with a current tool",
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
  // A list that is absent or null counts as empty, because Go writes an empty list as null.
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
