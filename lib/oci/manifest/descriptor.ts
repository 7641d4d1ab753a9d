import {
  algorithmOf,
  createHasher,
  type Digest,
  equalDigests,
  parseDigest,
} from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { defined, Fields } from "../json/fields.ts";
import { type Encodable, sortedMap } from "../json/encode_json.ts";
import type { JsonValue } from "../json/strict_json.ts";
import { type Platform, platformFromJson, platformToJson } from "../platform/platform.ts";

/**
 * Names a blob by its media type, digest and size (image-spec, descriptor.md).
 *
 * The field `urls` is dropped: varve fetches a blob by its digest, from the registry that the
 * descriptor came from.
 */
export interface Descriptor {
  /** Media type of the blob. */
  readonly mediaType: string;
  /** Digest of the blob. */
  readonly digest: Digest;
  /** Size of the blob in bytes, below 2^53. */
  readonly size: number;
  /**
   * Annotations, as an object without prototype. They are hostile input, so never use an annotation
   * as a path or URL.
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** In an index: the platform that the manifest is for. */
  readonly platform?: Platform | undefined;
  /** In an index or a subject: the type of the artifact, if the descriptor names an artifact. */
  readonly artifactType?: string | undefined;
  /** Content of the blob, if the descriptor embeds it. Verified against digest and size. */
  readonly data?: Uint8Array | undefined;
}

const NAMES = [
  "mediaType",
  "digest",
  "size",
  "annotations",
  "platform",
  "artifactType",
  "data",
  "urls",
];

/**
 * The digests of an empty blob: the only digests that fit a size of 0. They are written out, because computing them
 * would load the code that hashes, 20 ms of CPU, at each start.
 */
const EMPTY_DIGESTS: ReadonlySet<string> = new Set([
  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
]);

/**
 * Reads a descriptor from its JSON value.
 *
 * @param what what the descriptor is, for messages
 * @throws {VarveError} `E_SIZE`, `E_DIGEST_FORMAT`, `E_JSON`, `E_FORMAT`; `E_DIGEST` when the
 * embedded `data` has another digest
 */
export function parseDescriptor(value: JsonValue | undefined, what = "descriptor"): Descriptor {
  const fields = new Fields(value, what, NAMES);
  const mediaType = fields.string("mediaType") || fields.missing("mediaType");
  const digest = parseDigest(fields.raw("digest"));
  const size = parseSize(fields, digest, what);
  const annotations = fields.map("annotations");
  const platform = fields.object("platform");
  const artifactType = fields.string("artifactType");
  const data = fields.string("data");
  return defined({
    mediaType,
    digest,
    size,
    annotations,
    platform: platform === undefined ? undefined : platformFromJson(platform, what),
    artifactType: artifactType || undefined,
    data: data === undefined ? undefined : embeddedData(data, digest, size, what),
  });
}

/**
 * The JSON value of a descriptor, with its fields in the order of the specification. Embedded
 * `data` is left out.
 */
export function descriptorToJson(descriptor: Descriptor): Encodable {
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    annotations: sortedMap(descriptor.annotations),
    platform: descriptor.platform === undefined ? undefined : platformToJson(descriptor.platform),
    artifactType: descriptor.artifactType,
  };
}

function parseSize(fields: Fields, digest: Digest, what: string): number {
  const value = fields.integerOrText("size");
  if (typeof value !== "number" || value < 0) {
    const shown = typeof value === "number" ? String(value) : value.text;
    throw new VarveError("E_SIZE", `Cannot read ${what}: its size is ${shown}`, {
      actual: shown,
    });
  }
  if (value === 0 && !EMPTY_DIGESTS.has(digest)) {
    throw new VarveError(
      "E_SIZE",
      `Cannot read ${what}: its size is 0, but ${digest} is not empty`,
    );
  }
  return value;
}

function embeddedData(base64: string, digest: Digest, size: number, what: string): Uint8Array {
  let data: Uint8Array<ArrayBuffer>;
  try {
    if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
      throw new RangeError("not base64");
    }
    data = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    throw new VarveError("E_FORMAT", `Cannot read ${what}: its data is not base64`);
  }
  if (data.length !== size) {
    throw new VarveError(
      "E_SIZE",
      `Cannot read ${what}: its data has ${data.length} bytes, its size says ${size}`,
      { expected: size, actual: data.length },
    );
  }
  const hasher = createHasher(algorithmOf(digest));
  hasher.update(data);
  const actual = hasher.digest();
  if (!equalDigests(actual, digest)) {
    throw new VarveError("E_DIGEST", `Cannot read ${what}: its data does not match its digest`, {
      expected: digest,
      actual,
    });
  }
  return data;
}
