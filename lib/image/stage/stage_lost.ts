import { algorithmOf, createHasher, type DiffId, type Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  checkOciLimit,
  type Descriptor,
  encodeManifest,
  imageLayers,
  isAttachment,
  type Manifest,
  MEDIA_TYPES,
  mediaTypeInfo,
  parseDocument,
  parseImageConfig,
} from "../../oci/mod.ts";
import { openContent } from "../content.ts";
import type {
  DescribedImage,
  DocumentRole,
  ImageIngest,
  MadeImage,
  SourceImage,
  WantedLayer,
} from "../contract.ts";

/**
 * Stages those documents, layers and blobs of a source's image that a store has lost. The image may be another one:
 * only its parts count. What cannot be read is told, and the rest goes on.
 *
 * A document that was lost names parts that may be lost, too, so of such a document everything is staged that the store
 * does not have.
 *
 * @param lost digests of documents and blobs, and diffIDs of layers
 */
export async function stageLost(
  image: ImageIngest,
  source: SourceImage,
  lost: ReadonlySet<string>,
): Promise<void> {
  if (source.kind === "made") return await stageMade(image, source, lost);
  const walk = new LostWalk(image, source, lost);
  await walk.attempt(() => walk.document(source.target, 0, false));
}

/** Stages config and manifest of an image whose manifest is written here. Its source has brought the layers. */
async function stageMade(
  { ingest }: ImageIngest,
  { config, layers, annotations }: MadeImage,
  lost: ReadonlySet<string>,
): Promise<void> {
  const { raw } = config;
  const configBlob = { mediaType: MEDIA_TYPES.config, digest: digestOf(raw), size: raw.length };
  const manifest = encodeManifest({
    config: configBlob,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    annotations,
  });
  const isLost = lost.has(digestOf(manifest));
  if (isLost || lost.has(configBlob.digest)) await ingest.blob(raw, MEDIA_TYPES.config);
  if (isLost) await ingest.blob(manifest, MEDIA_TYPES.manifest);
}

function digestOf(bytes: Uint8Array, like?: Digest): Digest {
  const hasher = createHasher(like === undefined ? "sha256" : algorithmOf(like));
  hasher.update(bytes);
  return hasher.digest();
}

/** One walk through the documents of an image. */
class LostWalk {
  readonly #image: ImageIngest;
  readonly #source: DescribedImage;
  readonly #lost: ReadonlySet<string>;
  /** Number of manifests that the indexes of the image have named so far. */
  #count = 0;

  constructor(image: ImageIngest, source: DescribedImage, lost: ReadonlySet<string>) {
    this.#image = image;
    this.#source = source;
    this.#lost = lost;
  }

  /** Runs a step. When the source has bad data, warns. */
  async attempt(step: () => Promise<void>): Promise<void> {
    this.#image.signal.throwIfAborted();
    try {
      await step();
    } catch (error) {
      this.#image.signal.throwIfAborted();
      if (!(error instanceof VarveError)) throw error;
      this.#image.warn(error.message);
    }
  }

  /** Walks through a document and what it names. `parent` says whether the document that names it was lost. */
  async document(target: Descriptor, depth: number, parent: boolean): Promise<void> {
    const { limits } = this.#image;
    const role = mediaTypeInfo(target.mediaType)?.role === "index" ? "index" : "manifest";
    const isLost = this.#isWanted(target.digest, parent);
    const bytes = await this.#read(target, role, isLost);
    if (bytes === undefined) return;
    const document = parseDocument(bytes, { mediaType: target.mediaType, limits });
    if (document.kind === "manifest") return await this.#manifest(document, depth, isLost);
    this.#count += document.manifests.length;
    checkOciLimit("indexDepth", limits.indexDepth, depth + 1);
    checkOciLimit("manifests", limits.manifests, this.#count);
    for (const child of this.#source.documents.children(document, depth)) {
      await this.attempt(() =>
        isAttachment(child)
          ? this.#attachment(child, isLost)
          : this.document(child, depth + 1, isLost)
      );
    }
  }

  async #manifest(manifest: Manifest, depth: number, isLost: boolean): Promise<void> {
    for (const { descriptor, diffId } of await this.#named(manifest, depth, isLost)) {
      if (!this.#wantsLayer(descriptor.digest, diffId, isLost)) continue;
      const { digest, size, mediaType } = descriptor;
      await this.attempt(() => this.#layer({ label: digest, diffId, digest, size, mediaType }));
    }
  }

  /** The layers of a manifest. Without the config they are known by their blobs only. */
  async #named(
    manifest: Manifest,
    depth: number,
    isLost: boolean,
  ): Promise<readonly { readonly descriptor: Descriptor; readonly diffId?: DiffId | undefined }[]> {
    const { config: blob, layers } = manifest;
    const bytes = await this.#read(blob, "config", this.#isWanted(blob.digest, isLost));
    if (bytes === undefined) return layers.map((descriptor) => ({ descriptor }));
    const config = parseImageConfig(bytes, { limits: this.#image.limits });
    this.#source.documents.accept(config, depth);
    return imageLayers(manifest, config);
  }

  async #layer(wanted: WantedLayer): Promise<void> {
    const content = await this.#source.documents.layer(wanted);
    await this.#image.layers.bring(wanted, content, this.#image.signal);
  }

  /** Stages the lost parts of the manifest of an attestation or artifact. */
  async #attachment(target: Descriptor, parent: boolean): Promise<void> {
    const { ingest, limits, signal } = this.#image;
    const isLost = this.#isWanted(target.digest, parent);
    const bytes = await this.#read(target, "manifest", isLost);
    if (bytes === undefined) return;
    const document = parseDocument(bytes, { mediaType: target.mediaType, limits });
    if (document.kind !== "manifest") return;
    for (const part of [document.config, ...document.layers]) {
      if (!this.#isWanted(part.digest, isLost)) continue;
      await this.attempt(async () => {
        const content = await this.#source.documents.part?.(part);
        if (content === undefined) return;
        await ingest.blobStream(await openContent(content, signal), part.mediaType, part);
      });
    }
  }

  /** The verified bytes of a document; `undefined` when the source does not have it. */
  async #read(
    target: Descriptor,
    role: DocumentRole,
    isLost: boolean,
  ): Promise<Uint8Array | undefined> {
    const bytes = await this.#source.documents.document(target, role);
    if (bytes === undefined) return undefined;
    if (isLost) await this.#image.ingest.blob(bytes, target.mediaType, target);
    else if (digestOf(bytes, target.digest) !== target.digest) {
      throw new VarveError(
        "E_DIGEST",
        `Cannot read ${role} ${target.digest}: its bytes are wrong`,
        {
          subject: target.digest,
          expected: target.digest,
          actual: digestOf(bytes, target.digest),
        },
      );
    }
    return bytes;
  }

  /** Whether a document or part is lost, or is not in the store and was named by a document that is lost. */
  #isWanted(digest: Digest, parent: boolean): boolean {
    return this.#lost.has(digest) || parent && this.#image.store.blobs.stat(digest) === undefined;
  }

  #wantsLayer(digest: Digest, diffId: DiffId | undefined, parent: boolean): boolean {
    const { layers } = this.#image.store;
    // What a blob holds was proved when it came in, and then needs no config.
    const ids = [diffId, layers.byBlob(digest)?.diffId].filter((id) => id !== undefined);
    if (this.#lost.has(digest) || ids.some((id) => this.#isLostLayer(id))) return true;
    return parent && ids.every((id) => layers.get(id) === undefined);
  }

  /** A config may name a layer by another algorithm than its row. */
  #isLostLayer(id: DiffId): boolean {
    return this.#lost.has(id) || this.#lost.has(this.#image.store.layers.get(id)?.diffId ?? id);
  }
}
