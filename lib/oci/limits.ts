import { VarveError } from "../errors.ts";

/** A limit with the name of the setting that holds it. */
export interface Limit {
  /** The setting's name. */
  readonly setting: string;
  /** The default. */
  readonly value: number;
  /** What is counted. */
  readonly unit: string;
  /** What it is a limit of, for people. */
  readonly about: string;
}

/** Limits of documents, in the units of {@linkcode OCI_LIMITS}. */
export interface OciLimits {
  /** Bytes of a manifest. */
  readonly manifest: number;
  /** Bytes of an index. */
  readonly index: number;
  /** Bytes of a config. */
  readonly config: number;
  /** Nesting of objects and arrays in a document. */
  readonly jsonDepth: number;
  /** Layers of an image. */
  readonly layers: number;
  /** Descriptors of all indexes of one image together. */
  readonly manifests: number;
  /** Indexes on the way from a name to a manifest. */
  readonly indexDepth: number;
}

const MIB = 1024 * 1024;

/** The default limits of documents, with their settings. */
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
  indexDepth: {
    setting: "limits.oci.indexDepth",
    value: 4,
    unit: "levels",
    about: "indexes inside indexes",
  },
};

/** The limits in force: the given ones, else the defaults. */
export function ociLimits(given: Partial<OciLimits> = {}): OciLimits {
  const limits = {} as { -readonly [K in keyof OciLimits]: number };
  for (const name of Object.keys(OCI_LIMITS) as (keyof OciLimits)[]) {
    limits[name] = given[name] ?? OCI_LIMITS[name].value;
  }
  return limits;
}

/**
 * Checks a number against a limit of documents.
 *
 * @throws {VarveError} `E_LIMIT` naming the setting when `actual` is above `limit`
 */
export function checkOciLimit(name: keyof OciLimits, limit: number, actual: number): void {
  if (actual <= limit) return;
  const { setting, unit, about } = OCI_LIMITS[name];
  throw new VarveError(
    "E_LIMIT",
    `Cannot take ${about}: ${actual} ${unit} are more than the limit of ${limit}; raise ${setting} to allow it`,
    { setting, expected: limit, actual },
  );
}
