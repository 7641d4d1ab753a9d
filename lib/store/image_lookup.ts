import { type ChainId, type Digest, isDigest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { chainIds } from "../layer/mod.ts";
import { isExhausted } from "../linux/mod.ts";
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
import { NAMELESS } from "./rules.ts";

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
  /**
   * Blob and diffID of each layer, lowest first. If the store holds the layer, the diffID is that of
   * its `LayerRecord`, even if the config has a SHA-512 diffID.
   */
  readonly layers: readonly ImageLayer[];
  /** ChainID of all layers together; `null` for an image without layers. */
  readonly chainId: ChainId | null;
}

/** Selects an image of an index. */
export interface PlatformChoice {
  /** The platform that the user asks for now. Only an image for this platform is chosen. */
  readonly platform?: Platform | undefined;
  /**
   * The platform that is preferred when neither `platform` nor the row names a platform; this
   * machine's when absent. If the store has no image for it, any other image is chosen.
   */
  readonly host?: Platform | undefined;
}

/** Reads the image of a row, as `readImage` does, but without a default for `host`. */
export async function readRecord(
  store: Store,
  record: ImageRecord,
  { platform = record.platform, host }: PlatformChoice = {},
): Promise<StoredImage> {
  const found = await findManifest(store, record.target, { platform, host });
  if (found === undefined) throw otherPlatform(record, platform);
  const image = await readFound(store, record, found);
  if (platform === undefined || matchPlatform(platform, image.config.platform) >= 0) return image;
  throw otherPlatform(record, platform, image.config.platform);
}

/**
 * Reads all images that a name stands for and that the store holds: one for each platform, in the
 * order of the index. If the name was given for one platform, it stands only for the image of that
 * platform.
 *
 * @param onDamage called with the error about each image that cannot be read and is left out
 * @throws {VarveError} `E_SYSCALL` with `EMFILE`, `ENFILE` or `ENOMEM`: that says nothing about an image
 */
export async function readPlatforms(
  store: Store,
  record: ImageRecord,
  onDamage: (error: VarveError) => void = () => {},
): Promise<StoredImage[]> {
  const images: StoredImage[] = [];
  const leaveOut = (error: unknown) => {
    if (!(error instanceof VarveError) || isExhausted(error)) throw error;
    onDamage(error);
  };
  const add = async (image: Promise<StoredImage>): Promise<void> => {
    try {
      images.push(await image);
    } catch (error) {
      leaveOut(error);
    }
  };
  if (record.platform !== undefined) {
    await add(readRecord(store, record));
    return images;
  }
  for await (const found of manifestsOf(store, record.target, {})) {
    if (found instanceof VarveError) leaveOut(found);
    else await add(readFound(store, record, found));
  }
  return images;
}

/**
 * Narrows a row to one platform: its target becomes the manifest for that platform, in place of an
 * index. Without `platform`, the row is narrowed to the platform that the name was given for, if
 * any.
 *
 * @throws {VarveError} `E_PLATFORM` the store holds no manifest for the platform · `E_NOT_IMAGE`,
 * `E_DAMAGE`, `E_SIZE`, `E_DIGEST` as `readImage`
 */
export async function narrowImage(
  store: Store,
  record: ImageRecord,
  platform: Platform | undefined = record.platform,
): Promise<ImageRecord> {
  if (platform === undefined) return record;
  return narrowTo(await readRecord(store, record, { platform }));
}

/** The row of an image with its manifest as the target. */
function narrowTo({ record, descriptor }: StoredImage): ImageRecord {
  if (record.target.digest === descriptor.digest) return record;
  return { ...record, target: descriptor, platform: undefined };
}

function otherPlatform(
  { name }: ImageRecord,
  platform: Platform | undefined,
  actual?: Platform,
): VarveError {
  return new VarveError(
    "E_PLATFORM",
    platform === undefined
      ? `Cannot use image ${name}: the store holds no manifest of it`
      : `Cannot use image ${name}: ${
        actual === undefined
          ? `the store holds none for ${formatPlatform(platform)}`
          : `it is for another platform, ${formatPlatform(actual)}`
      }`,
    {
      expected: platform === undefined ? undefined : formatPlatform(platform),
      actual: actual === undefined ? undefined : formatPlatform(actual),
      subject: name,
      hint: "choose a platform that the store has",
    },
  );
}

async function readFound(
  store: Store,
  record: ImageRecord,
  { descriptor, manifest }: Found,
): Promise<StoredImage> {
  // Check this before the config is read, because an artifact's config can be anything, and large.
  requireImage(manifest);
  const limits = documentLimits(store);
  const bytes = await store.blobs.read(manifest.config.digest, limits.config);
  const config = parseImageConfig(bytes, { limits });
  // A config may have a diffID by SHA-512. Replace it by the layer's identity.
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

interface Found {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
}

async function findManifest(
  store: Store,
  target: Descriptor,
  choice: PlatformChoice,
): Promise<Found | undefined> {
  for await (const found of manifestsOf(store, target, choice)) {
    if (found instanceof VarveError) throw found;
    return found;
  }
  return undefined;
}

/**
 * The manifests of a target that the store holds, best first. For a manifest that cannot be read,
 * yields the error.
 */
async function* manifestsOf(
  store: Store,
  target: Descriptor,
  choice: PlatformChoice,
  depth = 0,
  indexes: Set<Digest> = new Set(),
): AsyncGenerator<Found | VarveError, void, undefined> {
  const limits = documentLimits(store);
  if (store.blobs.stat(target.digest) === undefined || depth > limits.indexDepth) return;
  // An index that is named again brings nothing new. Nested ones could name each other's more than a billion times.
  if (indexes.has(target.digest)) return;
  let document;
  try {
    const bytes = await store.blobs.read(target.digest, Math.max(limits.manifest, limits.index));
    document = parseDocument(bytes, { mediaType: target.mediaType, limits });
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    return yield error;
  }
  if (document.kind === "manifest") return yield { descriptor: target, manifest: document };
  indexes.add(target.digest);
  for (const child of platformCandidates(document, choice)) {
    yield* manifestsOf(store, child, choice, depth + 1, indexes);
  }
}

/** The children of an index that can be the image for a platform, best first. */
export function platformCandidates(
  index: Index,
  { platform, host }: PlatformChoice,
): readonly Descriptor[] {
  if (platform !== undefined) return rankManifests(index, platform);
  const images = index.manifests.filter((child) =>
    child.artifactType === undefined && child.platform?.os !== "unknown"
  );
  const ranked = new Set(host === undefined ? [] : rankManifests(index, host));
  return [...ranked, ...images.filter((child) => !ranked.has(child))];
}

/**
 * Finds all rows that a user means by a name, a `name@digest`, an image ID, the digest of a manifest,
 * or a unique prefix (4 or more hexadecimal digits) of an image ID or digest. The best row comes
 * first; there is at least one. A name selects one row. An image ID or a digest selects the rows of
 * all names of that image. A `name@digest` selects only rows of that repository.
 *
 * A full digest is always read as a digest, whatever names the store holds. In `name:tag@digest`
 * the name must exist, and the digest must be that of its image's index, manifest or config.
 *
 * @throws {VarveError} `E_NOT_FOUND` · `E_USAGE` when the text is not a reference, or is a prefix
 * of several IDs
 */
export async function findImageNames(store: Store, text: string): Promise<ImageRecord[]> {
  if (!isDigest(text) && !IMAGE_ID.test(text)) {
    const named = await findByName(store, text);
    if (named.length > 0) return named;
  }
  // Find `<none>@<digest>` by its digest too, because that row is removed when the image gets a
  // name.
  const id = text.startsWith(NAMELESS) ? text.slice(NAMELESS.length) : text;
  const byId = await findById(store, id);
  if (byId.length > 0) return byId;
  // An error about the form of the name helps more than "not found".
  if (!isDigest(id) && !/^[0-9a-f]{4,64}$/.test(id)) parseReference(text);
  throw new VarveError("E_NOT_FOUND", `Cannot find image ${JSON.stringify(text)}: there is none`, {
    subject: text,
    hint: "list the images of the store",
  });
}

const IMAGE_ID = /^[0-9a-f]{64}$/;

async function findByName(store: Store, text: string): Promise<ImageRecord[]> {
  const reference = tryParseReference(text);
  // A name with a digest is checked against the target, even if a row has exactly that name.
  if (reference?.digest !== undefined) return await findByDigest(store, reference);
  const exact = store.images.get(text);
  if (exact !== undefined || reference === undefined) return listOf(exact);
  return listOf(store.images.get(formatReference(reference)));
}

function listOf(record: ImageRecord | undefined): ImageRecord[] {
  return record === undefined ? [] : [record];
}

/** Finds `name@digest` and `name:tag@digest`. @throws {VarveError} `E_NOT_FOUND` when the tag names another image */
async function findByDigest(store: Store, reference: Reference): Promise<ImageRecord[]> {
  const { digest, ...name } = reference;
  if (digest === undefined) return [];
  const named = store.images.get(formatReference(reference));
  if (named?.target.digest === digest) return [named];
  const tagged = store.images.get(
    formatReference(name.tag === undefined ? { ...name, tag: "latest" } : name),
  );
  if (name.tag !== undefined) {
    if (tagged === undefined) return [];
    const own = await withDigest(store, tagged, digest);
    if (own !== undefined) return [own];
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
  const same = store.images.candidates(digest).filter((row) =>
    row.name.startsWith(`${prefix}:`) || row.name.startsWith(`${prefix}@`)
  );
  const found: ImageRecord[] = [];
  for await (const [own, row] of digestsOfAll(store, same)) {
    if (own === digest) found.push(row);
  }
  // First `latest`, then names whose target has the digest itself.
  const rank = (row: ImageRecord) =>
    row.name === tagged?.name ? 0 : row.target.digest === digest ? 1 : 2;
  return found.sort((a, b) => rank(a) - rank(b));
}

async function findById(store: Store, text: string): Promise<ImageRecord[]> {
  const hex = text.startsWith("sha256:") ? text.slice(7) : text;
  if (!isDigest(text) && !/^[0-9a-f]{4,64}$/.test(hex)) return [];
  const prefix = isDigest(text) ? text : `sha256:${hex}`;
  const found = new Map<Digest, ImageRecord[]>();
  for await (const [digest, meant] of digestsOfAll(store, store.images.candidates(prefix))) {
    if (!digest.startsWith(prefix)) continue;
    const rows = found.get(digest) ?? [];
    found.set(digest, rows);
    rows.push(meant);
  }
  if (found.size > 1) {
    throw new VarveError(
      "E_USAGE",
      `Cannot find image ${JSON.stringify(text)}: ${found.size} image IDs begin with it`,
      { subject: text, hint: "give more digits" },
    );
  }
  // The digest of an index selects no platform. So rows without a platform come first.
  const [rows = []] = found.values();
  const rank = ({ platform }: ImageRecord) => platform === undefined ? 0 : 1;
  return rows.sort((a, b) => rank(a) - rank(b));
}

/**
 * The digests that select an image, each with the row to return for it. The digest of the target
 * selects the row itself. The digests of manifest and config of each platform in the store select
 * the row narrowed to that platform. For a damaged image only the target is known.
 */
async function digestsOf(store: Store, record: ImageRecord): Promise<[Digest, ImageRecord][]> {
  const out: [Digest, ImageRecord][] = [[record.target.digest, record]];
  for (const image of await readPlatforms(store, record)) {
    const narrowed = narrowTo(image);
    out.push([image.descriptor.digest, narrowed], [image.imageId, narrowed]);
  }
  return out;
}

/**
 * Does the same as {@linkcode digestsOf} for many rows. An image with many names is read only once.
 */
async function* digestsOfAll(
  store: Store,
  records: readonly ImageRecord[],
): AsyncGenerator<[Digest, ImageRecord], void, undefined> {
  const known = new Map<string, readonly [Digest, ImageRecord][]>();
  for (const record of records) {
    const meaning = meaningOf(record);
    const digests = known.get(meaning) ?? [...new Map(await digestsOf(store, record))];
    known.set(meaning, digests);
    for (const [digest, { target, platform }] of digests) {
      yield [digest, { ...record, target, platform }];
    }
  }
}

async function withDigest(
  store: Store,
  record: ImageRecord,
  digest: Digest,
): Promise<ImageRecord | undefined> {
  return (await digestsOf(store, record)).find(([own]) => own === digest)?.[1];
}

/**
 * The target and the platform of a row, as one text. Rows with the same text stand for the same
 * image.
 */
function meaningOf({ target, platform }: ImageRecord): string {
  return JSON.stringify([target.digest, target.mediaType, platform]);
}
