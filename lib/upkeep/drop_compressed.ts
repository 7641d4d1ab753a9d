import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  attestationAbout,
  attestedDigest,
  type Descriptor,
  encodeIndex,
  encodeManifest,
  type ImageDocument,
  imageLayers,
  type Manifest,
  MEDIA_TYPES,
  mediaTypeInfo,
  parseDocument,
  parseImageConfig,
} from "../oci/mod.ts";
import { IMAGE_MANIFEST_LABEL, namelessImage } from "../store/internal.ts";
import {
  type DiskStore,
  documentLimits,
  type ImageRecord,
  type Ingest,
  type Thing,
} from "../store/mod.ts";
import { createSnapshotter } from "../snapshot/mod.ts";

/** An image whose compressed layers were dropped. */
export interface DroppedImage {
  /** Its name; `<none>@<digest>` has the new digest. */
  readonly name: string;
  /** Digest of its manifest or index before. A push sends the new one. */
  readonly from: Digest;
  /** Digest of its new manifest or index, which names uncompressed layers. */
  readonly to: Digest;
}

/**
 * Lets all images name their uncompressed layers, which the store has anyway, in place of the compressed blobs. Nothing
 * needs the blobs then, so a collection removes them. The digests of manifests change, those of configs do not: the
 * images have the same image IDs. An image or a layer that is not complete stays as it is, and so does an artifact.
 *
 * @param signal aborts between two images
 */
export async function dropCompressed(
  store: DiskStore,
  signal?: AbortSignal,
): Promise<DroppedImage[]> {
  const dropped: DroppedImage[] = [];
  const manifests = new Map<Digest, Digest>();
  for (const record of store.images.list()) {
    signal?.throwIfAborted();
    // The program that made a spare name has put the digest into it.
    if (record.spare === true) continue;
    const one = await dropOne(store, record, manifests);
    if (one !== undefined) dropped.push(one);
  }
  await relabel(store, manifests);
  return dropped;
}

/** What {@linkcode dropCompressed} would do. */
export interface DropPlan {
  /** The images that would give up their compressed blobs. */
  readonly dropped: readonly DroppedImage[];
  /** The compressed blobs, and the documents that would be replaced. */
  readonly given: ReadonlySet<string>;
  /** What keeps them now and would not then: images, leases that name these, and containers. */
  readonly without: ReadonlySet<Thing>;
}

/** Finds out what {@linkcode dropCompressed} would do, and changes no image. */
export async function planDrop(store: DiskStore, signal?: AbortSignal): Promise<DropPlan> {
  const dropped: DroppedImage[] = [];
  const manifests = new Map<Digest, Digest>();
  const given = new Set<string>();
  const without = new Set<Thing>();
  for (const record of store.images.list()) {
    signal?.throwIfAborted();
    if (record.spare === true) continue;
    // What is staged here is discarded.
    await using ingest = await store.ingest();
    const { name, target } = record;
    const plain = await new Rewriter(store, ingest, manifests, given).document(target);
    if (plain.digest === target.digest) continue;
    const nameless = namelessImage(target.digest);
    dropped.push({
      name: name === nameless ? namelessImage(plain.digest) : name,
      from: target.digest,
      to: plain.digest,
    });
    without.add(`image:${name}`);
  }
  for (const { id, resources } of store.leases.list()) {
    if (resources.some((one) => without.has(one as Thing))) without.add(`lease:${id}`);
  }
  for (const { key, labels } of store.snapshots.read((table) => table.list())) {
    const manifest = labels[IMAGE_MANIFEST_LABEL] as Digest;
    if (manifests.has(manifest)) without.add(`snapshot:${key}`);
  }
  return { dropped, given, without };
}

async function dropOne(
  store: DiskStore,
  record: ImageRecord,
  manifests: Map<Digest, Digest>,
): Promise<DroppedImage | undefined> {
  const { target, platform } = record;
  await using ingest = await store.ingest();
  const plain = await new Rewriter(store, ingest, manifests, new Set()).document(target);
  if (plain.digest === target.digest) return undefined;
  const nameless = namelessImage(target.digest);
  const name = record.name === nameless ? null : record.name;
  ingest.image(name, plain, { platform, replaces: true });
  const { images: [made] } = await ingest.commit();
  if (name === null) store.images.removeAll([nameless]);
  return { name: made?.name ?? record.name, from: target.digest, to: plain.digest };
}

/** Writes documents that name uncompressed layers. */
class Rewriter {
  readonly #store: DiskStore;
  readonly #ingest: Ingest;
  /** New manifests by the old ones. */
  readonly #manifests: Map<Digest, Digest>;
  /** Digests of what is replaced. */
  readonly #given: Set<string>;

  constructor(
    store: DiskStore,
    ingest: Ingest,
    manifests: Map<Digest, Digest>,
    given: Set<string>,
  ) {
    this.#store = store;
    this.#ingest = ingest;
    this.#manifests = manifests;
    this.#given = given;
  }

  /** Stages the new form of a document. @returns its descriptor; the given one if nothing changes */
  async document(target: Descriptor): Promise<Descriptor> {
    const document = await this.#read(target);
    if (document === undefined) return target;
    const bytes = document.kind === "manifest"
      ? await this.#manifest(document)
      : await this.#index(document);
    if (bytes === undefined) return target;
    const { digest, size } = await this.#ingest.blob(bytes, document.mediaType);
    this.#given.add(target.digest);
    if (document.kind === "manifest") this.#manifests.set(target.digest, digest);
    return { ...target, digest, size };
  }

  async #read({ digest, mediaType }: Descriptor): Promise<ImageDocument | undefined> {
    const role = mediaTypeInfo(mediaType)?.role;
    if (role !== "manifest" && role !== "index") return undefined;
    const limits = documentLimits(this.#store);
    try {
      const bytes = await this.#store.blobs.read(digest, Math.max(limits.manifest, limits.index));
      return parseDocument(bytes, { mediaType, limits });
    } catch (error) {
      // A platform that the store does not have, or a damaged document, stays as it is.
      if (error instanceof VarveError) return undefined;
      throw error;
    }
  }

  async #index(
    index: Extract<ImageDocument, { readonly kind: "index" }>,
  ): Promise<Uint8Array | undefined> {
    // An artifact is no image. An image that refers to another (its `subject`) goes on doing so.
    if (index.artifactType !== undefined) return undefined;
    const manifests: Descriptor[] = [];
    for (const child of index.manifests) manifests.push(await this.document(child));
    const isChanged = manifests.some(({ digest }, i) => digest !== index.manifests[i]?.digest);
    if (!isChanged) return undefined;
    // An attestation stays as it is, and is found by the new digest of what it is about.
    const renamed = manifests.map((entry) => {
      const next = this.#manifests.get(attestedDigest(entry) as Digest);
      return next === undefined ? entry : attestationAbout(entry, next);
    });
    return encodeIndex({ ...index, manifests: renamed });
  }

  async #manifest(manifest: Manifest): Promise<Uint8Array | undefined> {
    if (manifest.layers.every(({ mediaType }) => isPlain(mediaType))) return undefined;
    const layers = await this.#plainLayers(manifest);
    if (layers === undefined) return undefined;
    for (const { digest, mediaType } of manifest.layers) {
      if (!isPlain(mediaType)) this.#given.add(digest);
    }
    return encodeManifest({ ...manifest, layers });
  }

  /** The layers of an image, uncompressed; `undefined` when it is no image, or the store does not have it whole. */
  async #plainLayers(manifest: Manifest): Promise<Descriptor[] | undefined> {
    const limits = documentLimits(this.#store);
    try {
      const config = await this.#store.blobs.read(manifest.config.digest, limits.config);
      const layers: Descriptor[] = [];
      for (
        const { descriptor, diffId } of imageLayers(manifest, parseImageConfig(config, { limits }))
      ) {
        layers.push(
          isPlain(descriptor.mediaType) ? descriptor : await this.#plain(descriptor, diffId),
        );
      }
      return layers;
    } catch (error) {
      if (error instanceof VarveError) return undefined;
      throw error;
    }
  }

  async #plain(
    descriptor: Descriptor,
    named: Parameters<DiskStore["layers"]["get"]>[0],
  ): Promise<Descriptor> {
    const diffId = this.#store.layers.get(named)?.diffId ?? named;
    const begun = await this.#ingest.layer({ digest: diffId, diffId });
    if (begun.state === "new") {
      await begun.staged.discard();
      throw new VarveError("E_DAMAGE", `Cannot use layer ${diffId}: it is incomplete in the store`);
    }
    const family = mediaTypeInfo(descriptor.mediaType)?.family;
    const mediaType = family === "docker" ? MEDIA_TYPES.dockerLayer : MEDIA_TYPES.layer;
    return { ...descriptor, mediaType, digest: diffId, size: begun.record.size };
  }
}

/** Whether a blob is not a compressed layer, or is a layer that registries do not store. */
function isPlain(mediaType: string): boolean {
  const info = mediaTypeInfo(mediaType);
  return info?.role !== "layer" || info.compression === "none" || info.foreign;
}

/** Lets kept containers name the new manifests of their images, so that they do not keep the old ones. */
async function relabel(store: DiskStore, manifests: ReadonlyMap<Digest, Digest>): Promise<void> {
  if (manifests.size === 0) return;
  const snapshotter = createSnapshotter(store);
  for (const { key, labels } of store.snapshots.read((table) => table.list())) {
    const next = manifests.get(labels[IMAGE_MANIFEST_LABEL] as Digest);
    if (next === undefined) continue;
    const path = `labels.${IMAGE_MANIFEST_LABEL}`;
    await snapshotter.update(key, { [IMAGE_MANIFEST_LABEL]: next }, [path]);
  }
}
