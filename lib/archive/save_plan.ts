import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  type Descriptor,
  encodeArchiveManifest,
  encodeIndex,
  familiarName,
  parseDocument,
  parseReference,
  type Platform,
  type Reference,
} from "../oci/mod.ts";
import {
  documentLimits,
  type ImageRecord,
  readImage,
  type Store,
  type StoredImage,
} from "../store/mod.ts";
import { blobPath } from "./files.ts";

/** One file of an image archive: bytes that are here, or a blob of the store. */
export type PlannedFile =
  | { readonly name: string; readonly size: number; readonly bytes: Uint8Array }
  | { readonly name: string; readonly size: number; readonly blob: Digest };

/** What an archive of images holds, in its order. */
export interface SavePlan {
  /** Files; directories come before what is in them. */
  readonly files: readonly PlannedFile[];
  /** Seconds since the epoch of every entry: when the newest of the images was created. */
  readonly mtime: number;
}

/** Years 0 to 9999 are what any tar holds. */
const MAX_SECONDS = 253_402_300_799;

/**
 * Plans an archive that is an OCI layout and a docker-archive at once. The same
 * images give the same files on any machine: nothing of this one goes in.
 *
 * @throws {VarveError} `E_PRECONDITION` when a part of an image is not here
 */
export async function planSave(
  store: Store,
  records: readonly ImageRecord[],
  host?: Platform,
): Promise<SavePlan> {
  const unique = [...new Map(records.map((record) => [record.name, record])).values()]
    .sort((a, b) => a.name < b.name ? -1 : 1);
  const blobs = new Map<Digest, number>();
  const images: StoredImage[] = [];
  for (const record of unique) {
    await collect(store, record, record.target, blobs, 0);
    images.push(await readImage(store, record, { platform: host }));
  }
  const files: PlannedFile[] = [
    inline("oci-layout", new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}')),
    inline("index.json", encodeIndex({ manifests: indexEntries(unique) })),
    ...[...blobs].sort(([a], [b]) => a < b ? -1 : 1).map(([blob, size]) => ({
      name: blobPath(blob),
      size,
      blob,
    })),
    inline("manifest.json", dockerManifest(images)),
  ];
  return { files, mtime: Math.max(0, ...images.map(createdSeconds)) };
}

function inline(name: string, bytes: Uint8Array): PlannedFile {
  return { name, size: bytes.length, bytes };
}

/**
 * Collects a document and every blob that it names. Where a descriptor stands tells what it names,
 * not its media type: that may be one that nobody knows.
 */
async function collect(
  store: Store,
  record: ImageRecord,
  target: Descriptor,
  blobs: Map<Digest, number>,
  depth: number,
): Promise<void> {
  if (!collectBlob(store, record, target, blobs)) return;
  const limits = documentLimits(store);
  // The manifests of the deepest index are one level below it.
  if (depth > limits.indexDepth) return;
  const bytes = await store.blobs.read(target.digest, Math.max(limits.manifest, limits.index));
  const document = parseDocument(bytes, { mediaType: target.mediaType, limits });
  if (document.kind === "index") {
    for (const child of document.manifests) await collect(store, record, child, blobs, depth + 1);
  } else {
    for (const part of [document.config, ...document.layers]) {
      collectBlob(store, record, part, blobs);
    }
  }
}

/** Whether the blob is new among those collected. @throws {VarveError} `E_PRECONDITION` when it is not here */
function collectBlob(
  store: Store,
  record: ImageRecord,
  { mediaType, digest }: Descriptor,
  blobs: Map<Digest, number>,
): boolean {
  const known = store.blobs.stat(digest);
  if (known === undefined) {
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot save ${record.name}: ${mediaType} ${digest} is not here`,
      {
        subject: record.name,
        expected: digest,
        hint: "save one of its platforms with --platform, or load all of them first",
      },
    );
  }
  if (blobs.has(digest)) return false;
  blobs.set(digest, known.size);
  return true;
}

/** One descriptor for each name. The tag alone names it where no other image of the file has that tag. */
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

/** An image's name, if it has one. That of another digest is none: its layers were compressed since. */
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
