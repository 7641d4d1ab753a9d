import { VarveError } from "../../errors.ts";
import {
  checkOciLimit,
  type Descriptor,
  entriesFor,
  formatPlatform,
  isAttachment,
  type Manifest,
  type OciLimits,
  parseDocument,
  parseImageConfig,
  parseManifest,
  type Platform,
  platformsAgree,
  requireImage,
  withAttestations,
  withoutEntries,
} from "../../oci/mod.ts";
import {
  documentLimits,
  findImage,
  type Holding,
  type ImageArgument,
  type ImageRecord,
  readImage,
  type Store,
} from "../../store/mod.ts";

/** What {@linkcode indexMembers} needs. */
export interface MemberOptions {
  /** Keeps the members from gc. */
  readonly holding: Holding;
  /** Only the images for these platforms. When absent, all, or the one for which the image was named or read. */
  readonly platforms?: readonly Platform[] | undefined;
  /** Warns about what the store does not hold. */
  readonly warn: (message: string) => void;
}

/** One walk through the documents of an image. */
interface Walk {
  readonly store: Store;
  readonly holding: Holding;
  readonly limits: OciLimits;
  /** What was found, in the order of the indexes. */
  readonly found: Descriptor[];
  /** Digests of those that the store does not hold. */
  readonly absent: Set<string>;
  /** Number of manifests that the indexes have named so far. */
  named: number;
}

/**
 * The entries with which an index names an image: one for an image of one platform; for an index those that it has,
 * and those of its inner indexes. Each image has a platform: that of the index, else that of its config. Attestations
 * go along with the images that they are about. What the store does not hold is left out, with a warning.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PLATFORM` nothing of it is for the platforms and in the store
 * · `E_NOT_IMAGE` an artifact · `E_LIMIT` · `E_DAMAGE`, `E_SIZE`, `E_DIGEST` the store is damaged
 */
export async function indexMembers(
  store: Store,
  image: ImageArgument,
  { holding, platforms, warn }: MemberOptions,
): Promise<readonly Descriptor[]> {
  const record = await findImage(store, image);
  const { name, target } = record;
  const limits = documentLimits(store);
  const walk: Walk = { store, holding, limits, found: [], absent: new Set(), named: 0 };
  await visit(walk, target, 0);
  const { found, absent } = walk;
  let chosen: readonly Descriptor[] = found;
  if (platforms !== undefined) chosen = entriesFor(found, platforms);
  else {
    const one = await oneManifest(store, image, record);
    if (one !== undefined) chosen = withAttestations(found, new Set([one.digest]));
  }
  const kept = withoutEntries(chosen, absent);
  const label = typeof image === "string" ? image : name;
  if (!kept.some((entry) => !isAttachment(entry))) throw noMember(label, platforms, found, absent);
  const lost = chosen.filter((entry) => absent.has(entry.digest) && !isAttachment(entry));
  const digests = new Set(lost.map(({ digest }) => digest));
  // Attestations about images that are left out are not mentioned.
  const attachments = withoutEntries(chosen, digests).filter(({ digest }) => absent.has(digest));
  const told = lost.map(platformOf);
  if (attachments.length > 0) told.push(`attestations (${attachments.length})`);
  if (told.length > 0) warn(`${label}: left out what the store does not hold: ${told.join(", ")}`);
  return kept;
}

/** The manifest that an image stands for, where it stands for one platform of an index; otherwise `undefined`. */
async function oneManifest(
  store: Store,
  image: ImageArgument,
  record: ImageRecord,
): Promise<Descriptor | undefined> {
  if (typeof image !== "string" && "descriptor" in image) return image.descriptor;
  return record.platform === undefined ? undefined : (await readImage(store, record)).descriptor;
}

/** Reads a document and everything that it names, and keeps it from gc. */
async function visit(walk: Walk, target: Descriptor, depth: number): Promise<void> {
  const { store, holding, limits, found, absent } = walk;
  const { digest, mediaType } = target;
  await holding.hold([digest]);
  if (store.blobs.stat(digest) === undefined) {
    absent.add(digest);
    found.push(target);
    return;
  }
  const bytes = await store.blobs.read(digest, Math.max(limits.manifest, limits.index));
  const document = parseDocument(bytes, { mediaType, limits });
  if (document.kind === "index") {
    refuseArtifact(document.artifactType);
    walk.named += document.manifests.length;
    checkOciLimit("indexDepth", limits.indexDepth, depth + 1);
    checkOciLimit("manifests", limits.manifests, walk.named);
    await holding.hold(document.manifests.map(({ digest }) => digest));
    for (const child of document.manifests) await visit(walk, child, depth + 1);
    return;
  }
  await holding.hold([document.config, ...document.layers].map(({ digest }) => digest));
  const entry = { ...target, mediaType: document.mediaType };
  // What the user names must be an image itself.
  const isImage = depth === 0 || !isAttachment(target);
  found.push(isImage ? { ...entry, platform: await platform(walk, entry, document) } : entry);
}

/** The platform of an image: as the index says, else as its config says. */
async function platform(
  { store }: Walk,
  { platform }: Descriptor,
  manifest: Manifest,
): Promise<Platform> {
  requireImage(manifest);
  if (platform !== undefined && platform.os !== "" && platform.architecture !== "") return platform;
  return await configPlatform(store, manifest);
}

/** The platform that the config of an image says. */
async function configPlatform(store: Store, { config }: Manifest): Promise<Platform> {
  const limits = documentLimits(store);
  return parseImageConfig(await store.blobs.read(config.digest, limits.config), { limits })
    .platform;
}

/**
 * Checks that the platform that a user gives an image is that of its config, which may say less of it.
 *
 * @throws {VarveError} `E_USAGE`
 */
export async function checkPlatform(
  store: Store,
  { digest, mediaType }: Descriptor,
  given: Platform,
): Promise<void> {
  const limits = documentLimits(store);
  const bytes = await store.blobs.read(digest, limits.manifest);
  const own = await configPlatform(store, parseManifest(bytes, { mediaType, limits }));
  if (platformsAgree(own, given)) return;
  const [text, actual] = [formatPlatform(given), formatPlatform(own)];
  throw new VarveError("E_USAGE", `Cannot set platform ${text}: the config says ${actual}`, {
    subject: text,
    actual,
  });
}

/** Refuses an index that is an artifact. @throws {VarveError} `E_NOT_IMAGE` */
export function refuseArtifact(artifactType: string | undefined): void {
  if (artifactType === undefined) return;
  const type = artifactType.slice(0, 120);
  throw new VarveError(
    "E_NOT_IMAGE",
    `Cannot use index as an image: it is an artifact of type ${JSON.stringify(type)}`,
    { actual: type },
  );
}

function noMember(
  label: string,
  platforms: readonly Platform[] | undefined,
  found: readonly Descriptor[],
  absent: ReadonlySet<string>,
): VarveError {
  const wanted = platforms?.map(formatPlatform).join(", ");
  const here = found.filter((entry) => !isAttachment(entry) && !absent.has(entry.digest));
  return new VarveError(
    "E_PLATFORM",
    `Cannot use ${label}: the store holds ${
      wanted === undefined ? "nothing of it" : `none of it for ${wanted}`
    }` +
      (here.length === 0 ? "" : `; it has ${here.map(platformOf).join(", ")}`),
    { subject: label, expected: wanted },
  );
}

function platformOf({ digest, platform }: Descriptor): string {
  return platform === undefined ? digest : formatPlatform(platform);
}
