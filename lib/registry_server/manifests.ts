import { algorithmOf, createHasher, type Digest } from "../digest/mod.ts";
import { isBadData } from "../errors.ts";
import { checkOciLimit, type ImageDocument, parseDocument } from "../oci/mod.ts";
import type { Store } from "../store/mod.ts";
import type { Catalog } from "./catalog.ts";
import {
  digestHeader,
  readBody,
  type Refusal,
  refuse,
  type RegistryRequest,
  type RegistryResponse,
} from "./http.ts";
import { type PutContext, stageDocument } from "./put_manifest.ts";
import { type RepositoryName, untaggedName } from "./repository_name.ts";
import type { ManifestKey } from "./routes.ts";

/**
 * The manifests and indexes that the registry serves (distribution-spec, "Pulling", "Pushing" and
 * "Deleting Manifests"). Each has an image name in the store. The name has a tag, or the digest if
 * the manifest has no tag. An index keeps its manifests, so they need no name of their own.
 */
export class Manifests {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #context: () => PutContext;
  /** Settles when the last change of image names is done. */
  #lastChange: Promise<unknown> = Promise.resolve();

  /** `context` makes the context of a PUT, with the settings of that moment. */
  constructor(store: Store, catalog: Catalog, context: () => PutContext) {
    this.#store = store;
    this.#catalog = catalog;
    this.#context = context;
  }

  /** GET and HEAD of a manifest. */
  async get(repository: RepositoryName, key: ManifestKey): Promise<RegistryResponse> {
    const found = await this.#catalog.find(repository, key);
    if (found === undefined) throw unknownManifest(key);
    const { mediaType, digest, size } = found.descriptor;
    return {
      status: 200,
      headers: { "content-type": mediaType, etag: `"${digest}"`, ...digestHeader(digest) },
      body: await this.#store.blobs.read(digest, size),
    };
  }

  /**
   * PUT of a manifest. When the tag named another manifest before, that manifest stays under its
   * digest. A name with a digest is removed when a tag or an index keeps the manifest instead. This
   * applies only to a name that this registry made (a "spare" name), not to a name that a user made
   * (`pull NAME@DIGEST`).
   */
  async put(
    repository: RepositoryName,
    key: ManifestKey,
    request: RegistryRequest,
  ): Promise<RegistryResponse> {
    const context = { ...this.#context(), signal: request.signal };
    const { manifest, index } = context.documents;
    const bytes = await readBody(request, Math.max(manifest, index));
    const digest = digestOf(bytes, "digest" in key ? key.digest : undefined);
    const document = await this.#parse(bytes, request.header("content-type"), context);
    await using ingest = await this.#store.ingest();
    const { mediaType } = document;
    const target = await ingest.blob(bytes, mediaType, { digest, size: bytes.length });
    let staged: readonly Digest[];
    try {
      staged = await stageDocument(context, ingest, document);
    } catch (error) {
      throw asRefusal(error);
    }
    await this.#changeNames(async () => {
      const tagged = "tag" in key ? `${repository.full}:${key.tag}` : undefined;
      const before = tagged === undefined ? undefined : this.#store.images.get(tagged)?.target;
      const hasTag = this.#catalog.entries(repository).some(({ tag, record }) =>
        tag !== undefined && record.target.digest === digest
      );
      if (before !== undefined && before.digest !== digest) {
        ingest.image(untaggedName(repository, before.digest), before, { spare: true });
      }
      if (tagged !== undefined) ingest.image(tagged, target);
      else if (!hasTag) ingest.image(untaggedName(repository, digest), target, { spare: true });
      await ingest.commit();
      const children = document.kind === "index" ? document.manifests.map((one) => one.digest) : [];
      const kept = tagged === undefined ? children : [digest, ...children];
      const names = kept.map((one) => untaggedName(repository, one));
      this.#store.images.removeAll(names, { spare: true });
    });
    // The store now has these blobs, so their uploads are not needed.
    for (const part of staged) await context.uploads.drop(part);
    const { subject } = document;
    return {
      status: 201,
      headers: {
        location: `/v2/${repository.asked}/manifests/${digest}`,
        ...digestHeader(digest),
        "oci-subject": subject?.digest,
      },
    };
  }

  /**
   * DELETE of a tag or of a digest. For a tag, only the tag is removed, and its manifest stays
   * under its digest. For a digest, all names of the manifest are removed.
   */
  async delete(repository: RepositoryName, key: ManifestKey): Promise<RegistryResponse> {
    await this.#changeNames(async () => {
      const entries = this.#catalog.entries(repository);
      if ("tag" in key) {
        const entry = entries.find(({ tag }) => tag === key.tag);
        if (entry === undefined) throw unknownManifest(key);
        const { target, name } = entry.record;
        const others = entries.filter(({ record }) => record.target.digest === target.digest);
        if (others.length === 1 && !await this.#catalog.isChild(repository, target.digest)) {
          const untagged = untaggedName(repository, target.digest);
          this.#store.images.set(untagged, target, { spare: true });
        }
        this.#store.images.removeAll([name]);
        return;
      }
      if (await this.#catalog.isChild(repository, key.digest)) {
        throw refuse(405, "UNSUPPORTED", "an index names the manifest: delete the index first");
      }
      const named = entries.filter(({ record }) => record.target.digest === key.digest);
      if (named.length === 0) throw unknownManifest(key);
      // Removes all names in one transaction: there may be thousands, and a client must not find
      // only half of them deleted.
      this.#store.images.removeAll(named.map(({ record }) => record.name));
    });
    return { status: 202 };
  }

  /** Parses a document, and checks how deep its indexes are nested. @throws {Refusal} 400 */
  async #parse(
    bytes: Uint8Array,
    contentType: string | undefined,
    { documents: limits }: PutContext,
  ): Promise<ImageDocument> {
    try {
      const document = parseDocument(bytes, { contentType, limits });
      const known = new Map<Digest, number>();
      for (const child of document.kind === "index" ? document.manifests : []) {
        const depth = 1 + await this.#catalog.indexDepth(child, known);
        checkOciLimit("indexDepth", limits.indexDepth, depth);
      }
      return document;
    } catch (error) {
      throw asRefusal(error);
    }
  }

  /** Runs changes of names one after the other, because each change first reads the names. */
  async #changeNames(change: () => Promise<void>): Promise<void> {
    const done = this.#lastChange.then(change);
    this.#lastChange = done.catch(() => {});
    await done;
  }
}

function unknownManifest(key: ManifestKey): Refusal {
  return refuse(404, "MANIFEST_UNKNOWN", "there is no such manifest", key);
}

/** The digest of a document. @throws {Refusal} 400 when the path names another digest */
function digestOf(bytes: Uint8Array, expected: Digest | undefined): Digest {
  const hasher = createHasher(expected === undefined ? "sha256" : algorithmOf(expected));
  hasher.update(bytes);
  const digest = hasher.digest();
  if (expected === undefined || digest === expected) return digest;
  throw refuse(400, "DIGEST_INVALID", "the document has another digest", {
    digest: expected,
    actual: digest,
  });
}

/** Turns an error of bad data into a refusal: the client is at fault. All other errors are the server's. */
function asRefusal(error: unknown): unknown {
  if (!isBadData(error)) return error;
  return refuse(400, "MANIFEST_INVALID", error.message, { code: error.code });
}
