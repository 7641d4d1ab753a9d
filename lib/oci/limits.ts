import { VarveError } from "../errors.ts";

/** A limit and the setting that changes it. */
export interface Limit {
  /** Name of the setting, such as `limits.oci.layers`. */
  readonly setting: string;
  /** Value when the setting is absent. */
  readonly value: number;
  /** Unit of the value, such as `bytes`. */
  readonly unit: string;
  /** The limited quantity, as a phrase for messages: `size of a manifest`. */
  readonly about: string;
}

/** Limits of image documents. The units are in {@linkcode OCI_LIMITS}. */
export interface OciLimits {
  /** Size of a manifest in bytes. */
  readonly manifest: number;
  /** Size of an index in bytes. */
  readonly index: number;
  /** Size of an image config in bytes. */
  readonly config: number;
  /** Maximum nesting of objects and arrays in a document. */
  readonly jsonDepth: number;
  /** Number of values in a document: objects, arrays, strings, numbers, true, false and null. */
  readonly jsonValues: number;
  /** Number of layers of an image. */
  readonly layers: number;
  /** Number of descriptors in all indexes of one image together. */
  readonly manifests: number;
  /** Number of names of all images that are read together, such as the images of one archive. */
  readonly names: number;
  /** Number of nested indexes between an image name and a manifest. */
  readonly indexDepth: number;
}

const MIB = 1024 * 1024;

/** The default limits of image documents, with their settings. */
export const OCI_LIMITS: { readonly [K in keyof OciLimits]: Limit } = {
  manifest: {
    setting: "limits.oci.manifest",
    value: 4 * MIB,
    unit: "bytes",
    about: "size of a manifest",
  },
  index: { setting: "limits.oci.index", value: 4 * MIB, unit: "bytes", about: "size of an index" },
  config: {
    setting: "limits.oci.config",
    value: 4 * MIB,
    unit: "bytes",
    about: "size of an image config",
  },
  jsonDepth: {
    setting: "limits.oci.jsonDepth",
    value: 64,
    unit: "levels",
    about: "nesting of a document",
  },
  // An index of 10,000 manifests has this many. An object takes up to 600 bytes in memory, and only
  // three in a document.
  jsonValues: {
    setting: "limits.oci.jsonValues",
    value: 100_000,
    unit: "values",
    about: "values in a document",
  },
  layers: {
    setting: "limits.oci.layers",
    value: 500,
    unit: "layers",
    about: "layers of an image",
  },
  manifests: {
    setting: "limits.oci.manifests",
    value: 10_000,
    unit: "manifests",
    about: "manifests of an image's indexes",
  },
  names: {
    setting: "limits.oci.names",
    value: 1000,
    unit: "names",
    about: "names of the images of one archive",
  },
  indexDepth: {
    setting: "limits.oci.indexDepth",
    value: 4,
    unit: "levels",
    about: "indexes inside indexes",
  },
};

/** Completes the given limits with the defaults. */
export function ociLimits(given: Partial<OciLimits> = {}): OciLimits {
  const limits = {} as { -readonly [K in keyof OciLimits]: number };
  for (const name of Object.keys(OCI_LIMITS) as (keyof OciLimits)[]) {
    limits[name] = given[name] ?? OCI_LIMITS[name].value;
  }
  return limits;
}

/**
 * Checks a number against a limit.
 *
 * @throws {VarveError} `E_LIMIT` when `actual` is above `limit`; the message names the setting
 */
export function checkOciLimit(name: keyof OciLimits, limit: number, actual: number): void {
  if (actual <= limit) return;
  const { setting, unit, about } = OCI_LIMITS[name];
  throw new VarveError(
    "E_LIMIT",
    `Cannot accept the ${about}: ${actual} ${unit} are more than the limit of ${limit}; raise ${setting} to allow it`,
    { setting, expected: limit, actual },
  );
}
