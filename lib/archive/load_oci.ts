import { VarveError } from "../errors.ts";
import { hexOf } from "../digest/mod.ts";
import {
  type Descriptor,
  formatReference,
  imageLayers,
  type Index,
  mediaTypeInfo,
  OCI_LIMITS,
  type OciLimits,
  parseDocument,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseStrictJson,
  rankManifests,
  requireImage,
  selectManifest,
  tryParseReference,
} from "../oci/mod.ts";
import type { StageContext, StagedImage, StagedManifest } from "./staged_image.ts";
import { type LayerFile, stageLayers } from "./staged_image.ts";

const IMAGE_NAME = "io.containerd.image.name";
const REF_NAME = "org.opencontainers.image.ref.name";

/**
 * Stages the images of an OCI layout (image-spec, image-layout.md): one for each
 * target of `index.json`, however many names it has.
 *
 * @throws {VarveError} `E_FORMAT`, `E_JSON`, `E_MISSING`, `E_MEDIA_TYPE`, `E_PLATFORM` and what layers throw
 */
export async function stageOciLayout(context: StageContext): Promise<StagedImage[]> {
  await checkVersion(context);
  const index = parseIndex(await context.files.document("index.json", OCI_LIMITS.index.value));
  if (index.manifests.length === 0) {
    throw new VarveError("E_FORMAT", `Cannot load ${context.files.label}: its index.json is empty`);
  }
  const names = new Map<string, { readonly target: Descriptor; readonly names: Set<string> }>();
  for (const target of index.manifests) {
    const slot = names.get(target.digest) ?? { target, names: new Set<string>() };
    names.set(target.digest, slot);
    const name = nameOf(context, target);
    if (name !== undefined) slot.names.add(name);
  }
  const images: StagedImage[] = [];
  for (const { target, names: own } of names.values()) {
    images.push(await stageTarget(context, target, [...own]));
  }
  return images;
}

async function checkVersion(context: StageContext): Promise<void> {
  const bytes = await context.files.document("oci-layout", 4096);
  const json = parseStrictJson(bytes, { what: "oci-layout", maxBytes: 4096, maxDepth: 4 });
  const version = typeof json === "object" && json !== null && !Array.isArray(json)
    ? (json as Record<string, unknown>)["imageLayoutVersion"]
    : undefined;
  if (version !== "1.0.0") {
    throw new VarveError(
      "E_FORMAT",
      `Cannot load ${context.files.label}: the version of its OCI layout is not 1.0.0`,
    );
  }
}

/** The full name that annotations give: a reference name that is only a tag has no repository to belong to. */
function nameOf(context: StageContext, target: Descriptor): string | undefined {
  const full = target.annotations?.[IMAGE_NAME];
  const ref = target.annotations?.[REF_NAME];
  const given = full ?? (ref !== undefined && /[:/@]/.test(ref) ? ref : undefined);
  if (given !== undefined) {
    const reference = tryParseReference(given);
    if (reference !== undefined) return formatReference(reference);
    context.warn(`the archive's image name ${JSON.stringify(given)} is malformed and was left out`);
  } else if (ref !== undefined) {
    context.warn(`the archive calls an image only ${JSON.stringify(ref)}; --name gives it a name`);
  }
  return undefined;
}

interface Walk {
  readonly context: StageContext;
  readonly manifests: StagedManifest[];
  count: number;
}

async function stageTarget(
  context: StageContext,
  target: Descriptor,
  names: string[],
): Promise<StagedImage> {
  const walk: Walk = { context, manifests: [], count: 0 };
  const found = await stageDescriptor(walk, target, 0);
  if (!found) throw missing(context, target);
  if (walk.manifests.length === 0) {
    throw new VarveError(
      "E_MISSING",
      `Cannot load image ${target.digest}: the archive holds none of its platforms`,
      { subject: target.digest },
    );
  }
  const { mediaType, digest, size } = target;
  return { names, target: { mediaType, digest, size }, manifests: walk.manifests };
}

/** Stages a document and what it names; false when the archive does not hold it. */
async function stageDescriptor(walk: Walk, target: Descriptor, depth: number): Promise<boolean> {
  const { context } = walk;
  if (await context.files.find(pathOf(target)) === undefined) return false;
  const role = mediaTypeInfo(target.mediaType)?.role;
  const bytes = await context.files.document(pathOf(target), limitOf(role));
  // The bytes are proved before they are understood.
  await context.ingest.blob(bytes, target.mediaType, target);
  const document = parseDocument(bytes, { mediaType: target.mediaType });
  if (document.kind === "index") await stageIndex(walk, document, depth);
  else await stageManifest(walk, bytes, target);
  return true;
}

async function stageIndex(walk: Walk, index: Index, depth: number): Promise<void> {
  walk.count += index.manifests.length;
  limit("indexDepth", depth + 1);
  limit("manifests", walk.count);
  const { platform } = walk.context;
  if (platform !== undefined && depth === 0) selectManifest(index, platform);
  const wanted = platform === undefined ? undefined : new Set(rankManifests(index, platform));
  for (const child of index.manifests) {
    const role = mediaTypeInfo(child.mediaType)?.role;
    if (role === "index") await stageDescriptor(walk, child, depth + 1);
    else if (isAttachment(child)) await stageAttachment(walk, child);
    else if (wanted === undefined || wanted.has(child)) {
      await stageDescriptor(walk, child, depth + 1);
    }
  }
}

/** Attestations and artifacts are kept as blobs, so that the index stays whole; nothing of them is unpacked. */
function isAttachment(child: Descriptor): boolean {
  return child.artifactType !== undefined || child.platform?.os === "unknown";
}

async function stageAttachment(walk: Walk, target: Descriptor): Promise<void> {
  const { files, ingest } = walk.context;
  if (await files.find(pathOf(target)) === undefined) return;
  const bytes = await files.document(pathOf(target), OCI_LIMITS.manifest.value);
  await ingest.blob(bytes, target.mediaType, target);
  const document = parseManifest(bytes, target.mediaType);
  for (const part of [document.config, ...document.layers]) {
    const at = await files.find(pathOf(part));
    if (at === undefined || at.kind === "blob" || at.kind === "known") continue;
    await ingest.blob(await files.document(pathOf(part), MAX_ATTACHMENT), part.mediaType, part);
  }
}

/** Attestations are documents of a few kilobytes, a bill of materials is of a few megabytes. */
const MAX_ATTACHMENT = 256 * 1024 * 1024;

async function stageManifest(walk: Walk, bytes: Uint8Array, target: Descriptor): Promise<void> {
  const { context } = walk;
  const manifest = requireImage(parseManifest(bytes, target.mediaType));
  const configBytes = await context.files.document(
    pathOf(manifest.config),
    OCI_LIMITS.config.value,
  );
  await context.ingest.blob(configBytes, manifest.config.mediaType, manifest.config);
  const config = parseImageConfig(configBytes);
  const layers = imageLayers(manifest, config).map(({ descriptor, diffId }): LayerFile => ({
    file: pathOf(descriptor),
    label: descriptor.digest,
    diffId,
    digest: descriptor.digest,
    size: descriptor.size,
    mediaType: descriptor.mediaType,
  }));
  walk.manifests.push({
    imageId: manifest.config.digest,
    platform: config.platform,
    layers: await stageLayers(context, layers),
  });
}

function pathOf(descriptor: Descriptor): string {
  const algorithm = descriptor.digest.slice(0, 6);
  return `blobs/${algorithm}/${hexOf(descriptor.digest)}`;
}

function limitOf(role: string | undefined): number {
  return role === "index" ? OCI_LIMITS.index.value : OCI_LIMITS.manifest.value;
}

function limit(name: keyof OciLimits, actual: number): void {
  const { value, setting, about } = OCI_LIMITS[name];
  if (actual <= value) return;
  throw new VarveError("E_LIMIT", `Cannot load image: ${about}: more than ${value}`, {
    setting,
    expected: value,
    actual,
  });
}

function missing(context: StageContext, target: Descriptor): VarveError {
  return new VarveError(
    "E_MISSING",
    `Cannot load image ${target.digest}: ${context.files.label} does not hold its manifest`,
    { subject: target.digest },
  );
}
