import type { Digest } from "../digest/mod.ts";
import type { ImagePlan, PlannedDocument } from "../image/internal.ts";
import {
  type Descriptor,
  encodeArchiveManifest,
  encodeIndex,
  familiarName,
  parseReference,
  type Reference,
} from "../oci/mod.ts";
import type { ImageRecord, StoredImage } from "../store/mod.ts";
import { blobPath } from "./files.ts";

/** One file of an image archive: bytes that are here, or a blob. */
export type LayoutFile =
  | { readonly name: string; readonly size: number; readonly bytes: Uint8Array }
  | { readonly name: string; readonly size: number; readonly blob: Descriptor };

/** What an archive of images holds, in its order. */
export interface Layout {
  /** The files; directories come before what is in them. */
  readonly files: readonly LayoutFile[];
  /** Seconds since the epoch of every entry: when the newest of the images was created. */
  readonly mtime: number;
}

/** Images that go into one archive. */
export interface ArchivedImages {
  /** Each name once. */
  readonly records: readonly ImageRecord[];
  /** The image of each record that Docker's manifest.json describes. */
  readonly images: readonly StoredImage[];
}

/** Years 0 to 9999 are what any tar holds. */
const MAX_SECONDS = 253_402_300_799;

/**
 * The files of an archive that is an OCI layout and a docker-archive at once. The same images give the
 * same files on any machine: nothing of this machine goes in.
 */
export function layoutOf({ records, images }: ArchivedImages, plan: ImagePlan): Layout {
  const files: LayoutFile[] = [
    inline("oci-layout", new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}')),
    inline("index.json", encodeIndex({ manifests: indexEntries(records) })),
    ...[...plan.documents.map(documentFile), ...plan.blobs.map(blobFile)]
      .sort((a, b) => a.name < b.name ? -1 : 1),
    inline("manifest.json", dockerManifest(images)),
  ];
  return { files, mtime: Math.max(0, ...images.map(createdSeconds)) };
}

function documentFile({ digest, document }: PlannedDocument): LayoutFile {
  return inline(blobPath(digest), document.raw);
}

function blobFile(blob: Descriptor): LayoutFile {
  return { name: blobPath(blob.digest), size: blob.size, blob };
}

function inline(name: string, bytes: Uint8Array): LayoutFile {
  return { name, size: bytes.length, bytes };
}

/** One descriptor for each name. Its ref.name is the tag where that is unique in the file, else the full name. */
function indexEntries(records: readonly ImageRecord[]): Descriptor[] {
  const tags = new Map<string, number>();
  for (const record of records) {
    const tag = nameOf(record)?.tag;
    if (tag !== undefined) tags.set(tag, (tags.get(tag) ?? 0) + 1);
  }
  return records.map((record) => {
    const { mediaType, digest, size } = record.target;
    const name = nameOf(record);
    if (name === undefined) return { mediaType, digest, size };
    const { tag } = name;
    const unique = tag !== undefined && tags.get(tag) === 1;
    return {
      mediaType,
      digest,
      size,
      annotations: {
        "io.containerd.image.name": record.name,
        "org.opencontainers.image.ref.name": unique ? tag : record.name,
      },
    };
  });
}

/** An image's name, if it has one. A name with the digest of another manifest is left out: its layers were compressed since. */
function nameOf({ name, target }: ImageRecord): Reference | undefined {
  if (name.startsWith("<none>@")) return undefined;
  const reference = parseReference(name);
  const isOther = reference.digest !== undefined && reference.digest !== target.digest;
  return isOther ? undefined : reference;
}

/** Docker's manifest.json: one item for each image, with all names of it. */
function dockerManifest(images: readonly StoredImage[]): Uint8Array {
  const items = new Map<Digest, { image: StoredImage; tags: string[] }>();
  for (const image of images) {
    const item = items.get(image.descriptor.digest) ?? { image, tags: [] };
    items.set(image.descriptor.digest, item);
    const { name } = image.record;
    // Docker takes tags only, not names with a digest.
    if (!name.includes("@")) item.tags.push(familiarName(parseReference(name)));
  }
  return encodeArchiveManifest([...items.values()].map(({ image, tags }) => ({
    config: blobPath(image.imageId),
    repoTags: tags,
    layers: image.layers.map((layer) => blobPath(layer.descriptor.digest)),
  })));
}

function createdSeconds(image: StoredImage): number {
  const ms = Date.parse(image.config.created ?? "");
  return Number.isNaN(ms) ? 0 : Math.min(MAX_SECONDS, Math.max(0, Math.floor(ms / 1000)));
}
