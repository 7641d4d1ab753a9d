import { VarveError } from "../errors.ts";
import {
  checkOciLimit,
  type Descriptor,
  imageLayers,
  type Index,
  type Manifest,
  mediaTypeInfo,
  OCI_LIMITS,
  parseDocument,
  parseImageConfig,
  parseIndex,
  parseStrictJson,
  rankManifests,
  requireImage,
  selectManifest,
} from "../oci/mod.ts";
import { blobPath } from "./files.ts";
import { isAttachment, stageAttachment } from "./load_attachment.ts";
import {
  claimedName,
  givenName,
  type LayerFile,
  refuseOtherPlatform,
  refuseSeveral,
  stageAll,
  type StageContext,
  type StagedImage,
  type StagedManifest,
  stageLayers,
} from "./staged_image.ts";

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
  const { files, limits } = context;
  const index = parseIndex(
    await files.document("index.json", limits.index, OCI_LIMITS.index.setting),
    {
      limits,
    },
  );
  if (index.manifests.length === 0) {
    throw new VarveError("E_FORMAT", `Cannot load ${context.files.label}: its index.json is empty`);
  }
  const names = new Map<string, { readonly target: Descriptor; readonly names: Set<string> }>();
  for (const target of index.manifests) {
    const slot = names.get(target.digest) ?? { target, names: new Set<string>() };
    names.set(target.digest, slot);
    const name = givenName(context, target.digest) ?? nameOf(context, target);
    if (name !== undefined) slot.names.add(name);
  }
  refuseSeveral(context, names.size);
  return await stageAll(
    context,
    [...names.values()],
    ({ target, names }) => stageTarget(context, target, [...names]),
  );
}

/** It says one thing. */
const MAX_LAYOUT = 4096;

async function checkVersion(context: StageContext): Promise<void> {
  const bytes = await context.files.document("oci-layout", MAX_LAYOUT);
  const json = parseStrictJson(bytes, { what: "oci-layout", maxBytes: MAX_LAYOUT, maxDepth: 4 });
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
  if (given !== undefined) return claimedName(context, given, target.digest);
  if (ref !== undefined) {
    context.warn(`the archive calls an image only ${JSON.stringify(ref)}; --name gives it a name`);
  }
  return undefined;
}

/** What is on the way through the indexes of one image. */
interface Walk {
  readonly context: StageContext;
  /** Descriptors of all its indexes. */
  count: number;
}

async function stageTarget(
  context: StageContext,
  target: Descriptor,
  names: string[],
): Promise<StagedImage> {
  const staged = await stageDescriptor({ context, count: 0 }, target, 0);
  if (staged === undefined) throw missing(context, target);
  const { mediaType, manifests } = staged;
  if (manifests.length === 0) {
    throw new VarveError(
      "E_MISSING",
      `Cannot load image ${target.digest}: the archive holds none of its platforms`,
      { subject: target.digest },
    );
  }
  const { digest, size } = target;
  return { names, target: { mediaType, digest, size }, manifests };
}

/** A document that is staged, and the images below it. */
interface StagedDocument {
  /** What it is: a descriptor may name a type that nobody knows. */
  readonly mediaType: string;
  readonly manifests: readonly StagedManifest[];
}

/** Stages a document and what it names; `undefined` when the archive does not hold it. */
async function stageDescriptor(
  walk: Walk,
  target: Descriptor,
  depth: number,
): Promise<StagedDocument | undefined> {
  const { context } = walk;
  const { files, ingest, limits } = context;
  if (await files.find(blobPath(target.digest)) === undefined) return undefined;
  const name = mediaTypeInfo(target.mediaType)?.role === "index" ? "index" : "manifest";
  const bytes = await files.document(
    blobPath(target.digest),
    limits[name],
    OCI_LIMITS[name].setting,
  );
  // The bytes are proved before they are understood.
  await ingest.blob(bytes, target.mediaType, target);
  const document = parseDocument(bytes, { mediaType: target.mediaType, limits });
  const manifests = document.kind === "index"
    ? await stageIndex(walk, document, depth)
    : [await stageManifest(context, document, depth)];
  return { mediaType: document.mediaType, manifests };
}

async function stageIndex(walk: Walk, index: Index, depth: number): Promise<StagedManifest[]> {
  const { limits, platform } = walk.context;
  walk.count += index.manifests.length;
  checkOciLimit("indexDepth", limits.indexDepth, depth + 1);
  checkOciLimit("manifests", limits.manifests, walk.count);
  if (platform !== undefined && depth === 0) selectManifest(index, platform);
  const wanted = platform === undefined ? undefined : new Set(rankManifests(index, platform));
  const staged = await stageAll(walk.context, index.manifests, async (child) => {
    if (mediaTypeInfo(child.mediaType)?.role === "index") {
      return await stageDescriptor(walk, child, depth + 1);
    }
    if (isAttachment(child)) return void await stageAttachment(walk.context, child);
    if (wanted !== undefined && !wanted.has(child)) return undefined;
    return await stageDescriptor(walk, child, depth + 1);
  });
  return staged.flatMap((document) => document?.manifests ?? []);
}

async function stageManifest(
  context: StageContext,
  document: Manifest,
  depth: number,
): Promise<StagedManifest> {
  const { files, ingest, limits } = context;
  const manifest = requireImage(document);
  const { config: descriptor } = manifest;
  const bytes = await files.document(
    blobPath(descriptor.digest),
    limits.config,
    OCI_LIMITS.config.setting,
  );
  await ingest.blob(bytes, descriptor.mediaType, descriptor);
  const config = parseImageConfig(bytes, { limits });
  // What an index says of the platform of a manifest was judged there.
  if (depth === 0) refuseOtherPlatform(context, config.platform);
  const layers = imageLayers(manifest, config).map(({ descriptor, diffId }): LayerFile => ({
    file: blobPath(descriptor.digest),
    label: descriptor.digest,
    diffId,
    digest: descriptor.digest,
    size: descriptor.size,
    mediaType: descriptor.mediaType,
  }));
  return {
    imageId: descriptor.digest,
    platform: config.platform,
    layers: await stageLayers(context, layers),
  };
}

function missing(context: StageContext, target: Descriptor): VarveError {
  return new VarveError(
    "E_MISSING",
    `Cannot load image ${target.digest}: ${context.files.label} does not hold its manifest`,
    { subject: target.digest },
  );
}
