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
import { NAMELESS } from "../store/internal.ts";
import type { ImageRecord, StoredImage } from "../store/mod.ts";
import { blobPath } from "./files.ts";

/** One file of an image archive: bytes in memory, or a blob. */
export type LayoutFile =
  | { readonly name: string; readonly size: number; readonly bytes: Uint8Array }
  | { readonly name: string; readonly size: number; readonly blob: Descriptor };

/** The files of an image archive, in their order. */
export interface Layout {
  /**
   * The files. `oci-layout` and `index.json` are first, blobs are in the order of their names, `manifest.json` is
   * last.
   */
  readonly files: readonly LayoutFile[];
  /** Time of every entry in seconds since the epoch: the creation of the newest image. */
  readonly mtime: number;
}

/** A name in an archive, and the image that it stands for. */
export interface ArchivedName extends Pick<ImageRecord, "name" | "target"> {
  /**
   * The name by which other programs find the image: the annotation {@linkcode REF_NAME}. When absent, it is made from
   * `name`.
   */
  readonly tag?: string | undefined;
}

/** An image of one platform, with what Docker's manifest.json says of it. */
export interface DockerDescribed
  extends Pick<StoredImage, "descriptor" | "imageId" | "layers" | "config"> {
  /** Where its name stands. */
  readonly record: Pick<ImageRecord, "name">;
}

/** The images for one archive. */
export interface ArchivedImages {
  /** Names and targets of the images, each name once. */
  readonly records: readonly ArchivedName[];
  /** For each record, the image that Docker's manifest.json describes. Without it, no manifest.json is written. */
  readonly images?: readonly DockerDescribed[] | undefined;
}

/** Annotation of an entry of index.json: the full name of the image. */
export const IMAGE_NAME = "io.containerd.image.name";
/** Annotation of an entry of index.json: the name by which other programs find the image. */
export const REF_NAME = "org.opencontainers.image.ref.name";

/** The last second of the year 9999. Later times do not fit into every tar. */
const MAX_SECONDS = 253_402_300_799;

/**
 * The files of an archive that is both an OCI layout and a docker-archive. The same images give the same files on any
 * machine.
 */
export function layoutOf({ records, images }: ArchivedImages, plan: ImagePlan): Layout {
  const files: LayoutFile[] = [
    inline("oci-layout", new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}')),
    inline("index.json", encodeIndex({ manifests: indexEntries(records) })),
    ...[...plan.documents.map(documentFile), ...plan.blobs.map(blobFile)]
      .sort((a, b) => a.name < b.name ? -1 : 1),
    ...images === undefined
      ? []
      : [inline("manifest.json", encodeArchiveManifest(dockerImages(images)))],
  ];
  return { files, mtime: (images ?? []).map(createdSeconds).reduce((a, b) => Math.max(a, b), 0) };
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

/**
 * One descriptor for each record. If the record has a name, the annotation `org.opencontainers.image.ref.name` is its
 * tag when no other name in the archive has that tag, otherwise the full name.
 *
 * @param taken values of this annotation that other entries of the archive have
 */
export function indexEntries(
  records: readonly ArchivedName[],
  taken: readonly string[] = [],
): Descriptor[] {
  const tags = new Map<string, number>(taken.map((name) => [name, 1]));
  for (const record of records) {
    const tag = record.tag ?? nameOf(record)?.tag;
    if (tag !== undefined) tags.set(tag, (tags.get(tag) ?? 0) + 1);
  }
  return records.map((record) => {
    const { mediaType, digest, size } = record.target;
    const name = nameOf(record);
    const unique = name?.tag !== undefined && tags.get(name.tag) === 1;
    const shown = record.tag ?? (unique ? name.tag : name && record.name);
    if (shown === undefined) return { mediaType, digest, size };
    const full = name === undefined ? {} : { [IMAGE_NAME]: record.name };
    return { mediaType, digest, size, annotations: { ...full, [REF_NAME]: shown } };
  });
}

/**
 * Name of an image, if it has one. If compression has given the image a new manifest, a name with the digest of the old
 * manifest is left out.
 */
export function nameOf({ name, target }: ArchivedName): Reference | undefined {
  if (name.startsWith(NAMELESS)) return undefined;
  const reference = parseReference(name);
  const isOther = reference.digest !== undefined && reference.digest !== target.digest;
  return isOther ? undefined : reference;
}

/** An image in Docker's manifest.json. */
export type DockerImage = Parameters<typeof encodeArchiveManifest>[0][number];

/** Docker's manifest.json: one item for each image, with all of its names. */
export function dockerImages(images: readonly DockerDescribed[]): DockerImage[] {
  const items = new Map<Digest, { image: DockerDescribed; tags: string[] }>();
  for (const image of images) {
    const item = items.get(image.descriptor.digest) ?? { image, tags: [] };
    items.set(image.descriptor.digest, item);
    const { name } = image.record;
    // Docker accepts tags here, not names with a digest.
    if (!name.includes("@")) item.tags.push(familiarName(parseReference(name)));
  }
  return [...items.values()].map(({ image, tags }) => ({
    config: blobPath(image.imageId),
    repoTags: tags,
    layers: image.layers.map((layer) => blobPath(layer.descriptor.digest)),
  }));
}

function createdSeconds(image: DockerDescribed): number {
  const ms = Date.parse(image.config.created ?? "");
  return Number.isNaN(ms) ? 0 : Math.min(MAX_SECONDS, Math.max(0, Math.floor(ms / 1000)));
}
