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
  type Reference,
  repositoryName,
  requireImage,
  tryParseReference,
} from "../oci/mod.ts";
import type { Store } from "./contract.ts";
import { documentLimits } from "./document_limits.ts";
import type { ImageRecord } from "./records.ts";

/** An image as it was read from a store: one manifest with its config. */
export interface StoredImage {
  /** The row by which the image was found. */
  readonly record: ImageRecord;
  /** Descriptor of the manifest: the row's target, or an entry of the index that is the target. */
  readonly descriptor: Descriptor;
  /** The manifest. */
  readonly manifest: Manifest;
  /** The config that the manifest names. */
  readonly config: ImageConfig;
  /** Digest of the config, which is the image ID. */
  readonly imageId: Digest;
  /** Blob and diffID of each layer, lowest first. The diffID is the layer's identity, where the store holds the layer. */
  readonly layers: readonly ImageLayer[];
  /** ChainID of all layers together; `null` for an image without layers. */
  readonly chainId: ChainId | null;
}

/**
 * Reads the image that a row names. When the target is an index, it takes the manifest that fits
 * `platform` best among those that the store holds. When none fits, or without `platform`, it takes the
 * first that the store holds; with `exact` it takes none that does not fit.
 *
 * @throws {VarveError} `E_PLATFORM` the store holds no manifest that may be taken · `E_NOT_IMAGE` it is an artifact ·
 * `E_DAMAGE`, `E_SIZE`, `E_DIGEST` the store is damaged
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
      `Cannot use image ${record.name}: the store holds no manifest of it that fits`,
      { subject: record.name },
    );
  }
  const { descriptor, manifest } = found;
  // Before the config is read: that of an artifact can be anything, and large.
  requireImage(manifest);
  const limits = documentLimits(store);
  const bytes = await store.blobs.read(manifest.config.digest, limits.config);
  const config = parseImageConfig(bytes, { limits });
  // A config may have a diffID by SHA-512: the layer is one, whatever names it has.
  const layers = imageLayers(manifest, config).map(({ descriptor, diffId }) => ({
    descriptor,
    diffId: store.layers.get(diffId)?.diffId ?? diffId,
  }));
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
 * Narrows a row to one platform: its target becomes the manifest for that platform, in place of an index.
 *
 * @throws {VarveError} `E_PLATFORM` the store holds no manifest for it · `E_NOT_IMAGE`, `E_DAMAGE`, `E_SIZE`,
 * `E_DIGEST` as {@linkcode readImage}
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
 * Finds the row that a user means by a name, a `name@digest`, an image ID, the digest of a manifest, or
 * a unique prefix (4 or more hexadecimal digits) of an image ID or digest.
 *
 * A full digest is always read as a digest, whatever names the store holds. In `name:tag@digest` the name must
 * exist and its image must have the digest, as that of its index, its manifest or its config.
 *
 * @throws {VarveError} `E_NOT_FOUND` · `E_USAGE` when the text is no reference, or a prefix of several IDs
 */
export async function findImage(store: Store, text: string): Promise<ImageRecord> {
  if (!isDigest(text) && !/^[0-9a-f]{64}$/.test(text)) {
    const named = await findByName(store, text);
    if (named !== undefined) return named;
  }
  const byId = await findById(store, text);
  if (byId !== undefined) return byId;
  // An error about the form of the name helps more than "not found".
  if (!isDigest(text) && !/^[0-9a-f]{4,64}$/.test(text)) parseReference(text);
  throw new VarveError("E_NOT_FOUND", `Cannot find image ${JSON.stringify(text)}: there is none`, {
    subject: text,
    hint: "'varve images' lists them",
  });
}

async function findByName(store: Store, text: string): Promise<ImageRecord | undefined> {
  const reference = tryParseReference(text);
  // Of a name with a digest, not even the row that is called so is taken without a look at its target.
  if (reference?.digest !== undefined) return await findByDigest(store, reference);
  const exact = store.images.get(text);
  if (exact !== undefined || reference === undefined) return exact;
  return store.images.get(formatReference(reference));
}

/** Finds `name@digest` and `name:tag@digest`. @throws {VarveError} `E_NOT_FOUND` when the tag names another image */
async function findByDigest(
  store: Store,
  reference: Reference,
): Promise<ImageRecord | undefined> {
  const { digest, ...name } = reference;
  if (digest === undefined) return undefined;
  const named = store.images.get(formatReference(reference));
  if (named?.target.digest === digest) return named;
  const tagged = store.images.get(
    formatReference(name.tag === undefined ? { ...name, tag: "latest" } : name),
  );
  if (tagged !== undefined && (await digestsOf(store, tagged)).includes(digest)) return tagged;
  if (name.tag !== undefined) {
    if (tagged === undefined) return undefined;
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot find image ${formatReference(reference)}: the tag names another image`,
      {
        subject: formatReference(reference),
        expected: digest,
        actual: tagged.target.digest,
        hint: "leave out the tag or the digest",
      },
    );
  }
  const prefix = repositoryName(reference);
  const same = store.images.list().filter((row) =>
    row.name.startsWith(`${prefix}:`) || row.name.startsWith(`${prefix}@`)
  );
  const target = same.find((row) => row.target.digest === digest);
  if (target !== undefined) return target;
  for (const row of same) if ((await digestsOf(store, row)).includes(digest)) return row;
  return undefined;
}

async function findById(store: Store, text: string): Promise<ImageRecord | undefined> {
  const hex = text.startsWith("sha256:") ? text.slice(7) : text;
  if (!isDigest(text) && !/^[0-9a-f]{4,64}$/.test(hex)) return undefined;
  const prefix = isDigest(text) ? text : `sha256:${hex}`;
  const found = new Map<string, ImageRecord>();
  for (const record of store.images.list()) {
    for (const digest of await digestsOf(store, record)) {
      if (digest.startsWith(prefix) && !found.has(digest)) found.set(digest, record);
    }
  }
  if (found.size <= 1) return found.values().next().value;
  throw new VarveError(
    "E_USAGE",
    `Cannot find image ${JSON.stringify(text)}: ${found.size} image IDs begin with it`,
    { subject: text, hint: "give more digits" },
  );
}

/** The digests by which an image can be named: of its target, its manifest and its config. The last two of a damaged image are not known. */
async function digestsOf(store: Store, record: ImageRecord): Promise<Digest[]> {
  const out: Digest[] = [record.target.digest];
  try {
    const { descriptor, imageId } = await readImage(store, record);
    out.push(descriptor.digest, imageId);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
  return out;
}
