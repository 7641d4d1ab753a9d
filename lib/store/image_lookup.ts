import { type ChainId, type Digest, isDigest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { chainIds } from "../layer/mod.ts";
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  type ImageConfig,
  type ImageLayer,
  imageLayers,
  type Index,
  type Manifest,
  matchPlatform,
  parseDocument,
  parseImageConfig,
  parseReference,
  type Platform,
  rankManifests,
  requireImage,
  tryParseReference,
} from "../oci/mod.ts";
import type { Store } from "./contract.ts";
import { documentLimits } from "./document_limits.ts";
import type { ImageRecord } from "./records.ts";

/** An image of the store, read: one manifest with its config. */
export interface StoredImage {
  /** The name's row. */
  readonly record: ImageRecord;
  /** The manifest (the target itself, or one of the target index). */
  readonly descriptor: Descriptor;
  /** The manifest's document. */
  readonly manifest: Manifest;
  /** The config. */
  readonly config: ImageConfig;
  /** Digest of the config. */
  readonly imageId: Digest;
  /** Blob and diffID of each layer, lowest first. */
  readonly layers: readonly ImageLayer[];
  /** Names the whole stack; `null` for an image without layers. */
  readonly chainId: ChainId | null;
}

/**
 * Reads an image: of an index, the manifest that fits `platform` best among
 * those that are here, else the first that is here.
 *
 * @throws {VarveError} `E_PLATFORM` none is here that fits · `E_NOT_IMAGE` it is an artifact · `E_DAMAGE`,
 * `E_DIGEST` the store is damaged
 */
export async function readImage(
  store: Store,
  record: ImageRecord,
  options: { readonly platform?: Platform | undefined; readonly exact?: boolean | undefined } = {},
): Promise<StoredImage> {
  const found = await findManifest(store, record.target, options, 0);
  if (found === undefined) {
    throw new VarveError(
      "E_PLATFORM",
      `Cannot use image ${record.name}: none of its platforms that are here fits`,
      { subject: record.name },
    );
  }
  const { descriptor, manifest } = found;
  // First: the config of an artifact is anything, and may be large.
  requireImage(manifest);
  const limits = documentLimits(store);
  const bytes = await store.blobs.read(manifest.config.digest, limits.config);
  const config = parseImageConfig(bytes, { limits });
  const layers = imageLayers(manifest, config);
  const chains = chainIds(layers.map((layer) => layer.diffId));
  return {
    record,
    descriptor,
    manifest,
    config,
    imageId: manifest.config.digest,
    layers,
    chainId: chains.at(-1) ?? null,
  };
}

/**
 * The same row with the image for a platform as its target, whatever else its index names.
 *
 * @throws {VarveError} `E_PLATFORM` none is here · `E_DAMAGE`, `E_DIGEST` the store is damaged
 */
export async function narrowImage(
  store: Store,
  record: ImageRecord,
  platform: Platform,
): Promise<ImageRecord> {
  const { descriptor, config } = await readImage(store, record, { platform, exact: true });
  if (matchPlatform(platform, config.platform) >= 0) return { ...record, target: descriptor };
  throw new VarveError(
    "E_PLATFORM",
    `Cannot use image ${record.name}: it is for another platform`,
    {
      expected: formatPlatform(platform),
      actual: formatPlatform(config.platform),
      subject: record.name,
    },
  );
}

interface Found {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
}

async function findManifest(
  store: Store,
  target: Descriptor,
  options: { readonly platform?: Platform | undefined; readonly exact?: boolean | undefined },
  depth: number,
): Promise<Found | undefined> {
  const limits = documentLimits(store);
  if (store.blobs.stat(target.digest) === undefined || depth > limits.indexDepth) return undefined;
  const bytes = await store.blobs.read(target.digest, Math.max(limits.manifest, limits.index));
  const document = parseDocument(bytes, { mediaType: target.mediaType, limits });
  if (document.kind === "manifest") return { descriptor: target, manifest: document };
  for (const child of candidates(document, options)) {
    const found = await findManifest(store, child, options, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function candidates(
  index: Index,
  options: { readonly platform?: Platform | undefined; readonly exact?: boolean | undefined },
): readonly Descriptor[] {
  const images = index.manifests.filter((child) =>
    child.artifactType === undefined && child.platform?.os !== "unknown"
  );
  if (options.platform === undefined) return images;
  const ranked = rankManifests(index, options.platform);
  return options.exact === true
    ? ranked
    : [...ranked, ...images.filter((child) => !ranked.includes(child))];
}

/**
 * Finds the row that a user means: a name, `name@digest`, an image ID, a
 * manifest's digest or a unique prefix (4 or more hexadecimal digits) of one.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` when the text is no reference or the prefix is not unique
 */
export async function findImage(store: Store, text: string): Promise<ImageRecord> {
  const exact = store.images.get(text);
  if (exact !== undefined) return exact;
  const reference = tryParseReference(text);
  if (reference !== undefined) {
    const { digest, ...name } = reference;
    const named = store.images.get(formatReference(reference));
    if (named !== undefined) return named;
    if (digest !== undefined) {
      const byName = store.images.get(
        formatReference(name.tag === undefined ? { ...name, tag: "latest" } : name),
      );
      if (byName?.target.digest === digest) return byName;
      const prefix = `${reference.registry}/${reference.repository}`;
      const same = store.images.list().find((row) =>
        row.target.digest === digest &&
        (row.name.startsWith(`${prefix}:`) || row.name.startsWith(`${prefix}@`))
      );
      if (same !== undefined) return same;
    }
  }
  const byId = await findById(store, text);
  if (byId !== undefined) return byId;
  // An error about the form of the name is more use than "not found".
  if (reference === undefined && !isDigest(text) && !/^[0-9a-f]{4,64}$/.test(text)) {
    parseReference(text);
  }
  throw new VarveError("E_NOT_FOUND", `Cannot find image ${JSON.stringify(text)}: there is none`, {
    subject: text,
    hint: "'varve images' lists them",
  });
}

async function findById(store: Store, text: string): Promise<ImageRecord | undefined> {
  const hex = text.startsWith("sha256:") ? text.slice(7) : text;
  if (!/^[0-9a-f]{4,64}$/.test(hex)) return undefined;
  const found = new Map<string, ImageRecord>();
  for (const record of store.images.list()) {
    for (const digest of await digestsOf(store, record)) {
      if (digest.startsWith(`sha256:${hex}`) && !found.has(digest)) found.set(digest, record);
    }
  }
  if (found.size <= 1) return found.values().next().value;
  throw new VarveError(
    "E_USAGE",
    `Cannot find image ${JSON.stringify(text)}: ${found.size} image IDs begin so`,
    {
      subject: text,
    },
  );
}

/** The digests that name an image: of its target, and of the configs of its manifests. A damaged one has no config. */
async function digestsOf(store: Store, record: ImageRecord): Promise<Digest[]> {
  const out: Digest[] = [record.target.digest];
  try {
    out.push((await readImage(store, record)).imageId);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
  return out;
}
