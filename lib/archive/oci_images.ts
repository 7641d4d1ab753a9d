import { VarveError } from "../errors.ts";
import type { DescribedImage, DocumentSource } from "../image/internal.ts";
import {
  type Descriptor,
  type Index,
  isAttachment,
  mediaTypeInfo,
  OCI_LIMITS,
  parseIndex,
  parseStrictJson,
  rankManifests,
  selectManifest,
} from "../oci/mod.ts";
import {
  chosenImages,
  claimedName,
  givenName,
  type LayoutContext,
  refuseOtherPlatform,
  refuseSeveral,
} from "./archive_context.ts";
import { layerContent, partContent } from "./archive_content.ts";
import { DocumentBudget } from "./document_budget.ts";
import { blobPath } from "./files.ts";

const IMAGE_NAME = "io.containerd.image.name";
const REF_NAME = "org.opencontainers.image.ref.name";

/**
 * The images of an OCI layout (image-spec, image-layout.md). Each target of `index.json` is one image, even if it has
 * several names.
 *
 * @throws {VarveError} `E_FORMAT`, `E_JSON`, `E_MISSING`
 */
export async function ociImages(context: LayoutContext): Promise<DescribedImage[]> {
  await checkVersion(context);
  const { files, ingest: { limits } } = context;
  const bytes = await files.document("index.json", limits.index, OCI_LIMITS.index.setting);
  const index = parseIndex(bytes, { limits });
  if (index.manifests.length === 0) {
    throw new VarveError("E_FORMAT", `Cannot load ${files.label}: its index.json is empty`);
  }
  const images = new Map<string, { readonly target: Descriptor; readonly names: Set<string> }>();
  const namesOf = ({ annotations }: Descriptor) =>
    [annotations?.[IMAGE_NAME], annotations?.[REF_NAME]].filter((name) => name !== undefined);
  for (const target of chosenImages(context, index.manifests, namesOf)) {
    const image = images.get(target.digest) ?? { target, names: new Set<string>() };
    images.set(target.digest, image);
    const name = givenName(context, target.digest) ?? nameOf(context, target);
    if (name !== undefined) image.names.add(name);
  }
  refuseSeveral(context, images.size, index.manifests.flatMap(namesOf));
  const documents = documentsOf(context);
  return [...images.values()].map(({ target, names }) => ({
    kind: "described",
    names: [...names],
    target,
    documents,
  }));
}

/** Largest size of the file `oci-layout` in bytes. It has a single property. */
const MAX_LAYOUT = 4096;

async function checkVersion({ files }: LayoutContext): Promise<void> {
  const bytes = await files.document("oci-layout", MAX_LAYOUT);
  const json = parseStrictJson(bytes, { what: "oci-layout", maxBytes: MAX_LAYOUT, maxDepth: 4 });
  const version = typeof json === "object" && json !== null && !Array.isArray(json)
    ? (json as Record<string, unknown>)["imageLayoutVersion"]
    : undefined;
  if (version !== "1.0.0") {
    throw new VarveError(
      "E_FORMAT",
      `Cannot load ${files.label}: the version of its OCI layout is not 1.0.0`,
    );
  }
}

/** The full name in the annotations. A reference name that is only a tag is not used, because it lacks a repository. */
function nameOf(context: LayoutContext, target: Descriptor): string | undefined {
  const full = target.annotations?.[IMAGE_NAME];
  const ref = target.annotations?.[REF_NAME];
  const given = full ?? (ref !== undefined && /[:/@]/.test(ref) ? ref : undefined);
  if (given !== undefined) return claimedName(context, given, target.digest);
  // Where a single image is read, its name is not the one that it gets.
  if (ref !== undefined && context.onlyOne !== true) {
    context.ingest.warn(
      `the archive calls an image only ${JSON.stringify(ref)}; give the image a name`,
    );
  }
  return undefined;
}

/**
 * Limit for the total size of all documents in bytes, far above what 10,000 images need. A document counts each time it
 * is named, because it is read and parsed each time.
 */
const DOCUMENT_BUDGET = 512 * 1024 * 1024;

/** The documents and layers of the layout. */
function documentsOf(context: LayoutContext): DocumentSource {
  const { files, ingest: { limits }, platform } = context;
  const budget = new DocumentBudget(files.label, DOCUMENT_BUDGET);
  const parts = new Set<string>();
  return {
    async document({ digest }, role) {
      const path = blobPath(digest);
      // A missing config is an error. A missing manifest means that the archive does not have that platform.
      if (role !== "config" && await files.find(path) === undefined) return undefined;
      const bytes = await files.document(path, limits[role], OCI_LIMITS[role].setting);
      budget.take(bytes.length);
      return bytes;
    },
    layer: (wanted) => layerContent(files, blobPath(wanted.digest as Descriptor["digest"]), wanted),
    async part(part) {
      // Each part is read once, however many attestations name it.
      const key = `${part.digest} ${part.size}`;
      if (parts.has(key)) return undefined;
      parts.add(key);
      return await partContent(files, blobPath(part.digest), part);
    },
    children(index: Index, depth: number) {
      if (platform === undefined) return index.manifests;
      if (depth === 0) selectManifest(index, platform);
      const fitting = new Set(rankManifests(index, platform));
      return index.manifests.filter((child) =>
        fitting.has(child) || isAttachment(child) ||
        mediaTypeInfo(child.mediaType)?.role === "index"
      );
    },
    accept(config, depth) {
      // An index names the platform of each child, and children() has checked it.
      if (depth === 0) refuseOtherPlatform(context, config.platform);
    },
  };
}
