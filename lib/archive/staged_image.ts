import type { DiffId, Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  matchPlatform,
  type OciLimits,
  parseReference,
  type Platform,
  type Reference,
  tryParseReference,
} from "../oci/mod.ts";
import { boundedParallel } from "../pool/internal.ts";
import type { Ingest } from "../store/mod.ts";
import type { ArchiveFiles } from "./files.ts";
import type { StagedResult, Stager, WantedLayer } from "./stager.ts";

/** A manifest of an image, with its layers staged. */
export interface StagedManifest {
  /** Digest of the config. */
  readonly imageId: Digest;
  /** What it runs on. */
  readonly platform: Platform;
  /** Lowest first. */
  readonly layers: readonly StagedResult[];
}

/** An image whose every part is staged. */
export interface StagedImage {
  /** Full names that the archive gives it; none for a nameless one. */
  readonly names: readonly string[];
  /** The manifest or index. */
  readonly target: Descriptor;
  /** Its manifests that the archive holds; at least one. */
  readonly manifests: readonly StagedManifest[];
}

/** What the readers of both archive forms work with. */
export interface StageContext {
  readonly files: ArchiveFiles;
  readonly ingest: Ingest;
  readonly stager: Stager;
  /** What the documents may hold. */
  readonly limits: OciLimits;
  /** Only this platform of an index. */
  readonly platform?: Platform | undefined;
  /** The full name of the one image, instead of those that the archive gives. */
  readonly name?: string | undefined;
  readonly warn: (message: string) => void;
  /** Something failed: what runs beside it can stop. */
  readonly fail: (error: unknown) => void;
}

/** Images, or platforms of one, whose documents are read at once: their layers keep the pool busy. */
const IMAGES_AT_ONCE = 2;

/**
 * Stages several images, manifests or layers, `limit` at once; all have settled when it returns or
 * throws. A failure also ends what is staged elsewhere for the same load.
 */
export async function stageAll<T, U>(
  context: StageContext,
  items: readonly T[],
  stage: (item: T) => Promise<U>,
  limit: number = IMAGES_AT_ONCE,
): Promise<U[]> {
  const work = (item: T) =>
    stage(item).catch((error) => {
      context.fail(error);
      throw error;
    });
  return await boundedParallel(items, work, { limit });
}

/** Refuses one name for several images, before any of them is worked on. @throws {VarveError} `E_USAGE` */
export function refuseSeveral({ name, files }: StageContext, images: number): void {
  if (name === undefined || images === 1) return;
  throw new VarveError(
    "E_USAGE",
    `Cannot give the name ${name} to ${files.label}: it holds ${images} images`,
    { subject: name, hint: "load it without a name, then tag" },
  );
}

/**
 * The name that the user gives the image, if any.
 *
 * @throws {VarveError} `E_USAGE` when it has the digest of another image
 */
export function givenName({ name, files }: StageContext, digest: Digest): string | undefined {
  if (name === undefined || namesDigest(parseReference(name), digest)) return name;
  throw new VarveError(
    "E_USAGE",
    `Cannot give the name ${name} to ${files.label}: its digest is another`,
    { subject: name, actual: digest },
  );
}

/**
 * The full name that the archive gives an image. Left out, with a warning, is one that is malformed or has
 * the digest of another image: whoever asks for a digest is to get that.
 */
export function claimedName(
  { warn }: StageContext,
  text: string,
  digest: Digest,
): string | undefined {
  const reference = tryParseReference(text);
  if (reference !== undefined && namesDigest(reference, digest)) return formatReference(reference);
  const why = reference === undefined ? "is malformed" : "has the digest of another image";
  warn(`the archive's image name ${JSON.stringify(text)} ${why} and was left out`);
  return undefined;
}

function namesDigest(reference: Reference, digest: Digest): boolean {
  return reference.digest === undefined || reference.digest === digest;
}

/** Refuses an image that is not for the platform that was asked for. @throws {VarveError} `E_PLATFORM` */
export function refuseOtherPlatform({ platform, files }: StageContext, found: Platform): void {
  if (platform === undefined || matchPlatform(platform, found) >= 0) return;
  throw new VarveError(
    "E_PLATFORM",
    `Cannot load ${files.label}: an image of it is for another platform`,
    { expected: formatPlatform(platform), actual: formatPlatform(found) },
  );
}

/** A layer and the file of the archive that holds it. */
export interface LayerFile extends WantedLayer {
  /** Name of the file. */
  readonly file: string;
}

/** Stages the layers of one manifest, several at once; all have settled when it returns or throws. */
export async function stageLayers(
  context: StageContext,
  layers: readonly LayerFile[],
): Promise<StagedResult[]> {
  const { atOnce } = context.stager;
  return await stageAll(context, layers, (layer) => stageLayer(context, layer), atOnce);
}

async function stageLayer(context: StageContext, layer: LayerFile): Promise<StagedResult> {
  const { files, stager } = context;
  const at = await files.find(layer.file);
  switch (at?.kind) {
    case undefined:
      throw new VarveError(
        "E_MISSING",
        `Cannot load layer ${layer.label}: the archive does not hold ${JSON.stringify(layer.file)}`,
        { subject: layer.file },
      );
    case "range": {
      const { path, offset, length } = at;
      return await stager.layerFromRange(layer, { kind: "file", path, offset, length });
    }
    case "staged":
      return await stager.adopt(layer, at);
    case "known":
      return await stager.presentBlob(layer, at);
    case "bytes":
      return await stager.layerFromBytes(layer, at.bytes);
    case "failed":
      throw at.error;
    default:
      throw new VarveError("E_FORMAT", `Cannot load layer ${layer.label}: it is no tar archive`, {
        subject: layer.file,
      });
  }
}

/** The diffIDs of staged layers. */
export function diffIdsOf(manifest: StagedManifest): DiffId[] {
  return manifest.layers.map((layer) => layer.diffId);
}
