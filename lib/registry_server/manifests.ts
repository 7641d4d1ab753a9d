import { algorithmOf, createHasher, type Digest } from "../digest/mod.ts";
import { isBadData } from "../errors.ts";
import { type ImageDocument, parseDocument } from "../oci/mod.ts";
import type { Store } from "../store/mod.ts";
import type { Catalog } from "./catalog.ts";
import { type Answer, type Ask, digestHeader, readBody, refuse } from "./http.ts";
import { type RepositoryName, untaggedRow } from "./names.ts";
import { type PutContext, stageDocument } from "./put_manifest.ts";
import type { ManifestKey } from "./routes.ts";

/** Manifests and indexes of a store (distribution-spec, "Pulling", "Pushing" and "Deleting Manifests"). */
export class Manifests {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #context: () => PutContext;
  /** Settles when the names are as the last request left them. */
  #naming: Promise<unknown> = Promise.resolve();

  /** `context` gives what documents are put with, under the settings of the moment. */
  constructor(store: Store, catalog: Catalog, context: () => PutContext) {
    this.#store = store;
    this.#catalog = catalog;
    this.#context = context;
  }

  /** GET and HEAD. */
  async get(repository: RepositoryName, key: ManifestKey): Promise<Answer> {
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
   * PUT. What a tag named before stays under its digest; a row of a digest that was made here goes when a
   * tag or an index keeps the manifest instead. One that a user made (`pull NAME@DIGEST`) is not spare.
   */
  async put(repository: RepositoryName, key: ManifestKey, ask: Ask): Promise<Answer> {
    const context = { ...this.#context(), signal: ask.signal };
    const { manifest, index } = context.documents;
    const bytes = await readBody(ask, Math.max(manifest, index));
    const digest = digestOf(bytes, "digest" in key ? key.digest : undefined);
    const document = parse(bytes, ask.header("content-type"), context);
    await using ingest = await this.#store.ingest();
    const { mediaType } = document;
    const target = await ingest.blob(bytes, mediaType, { digest, size: bytes.length });
    let staged: readonly Digest[];
    try {
      staged = await stageDocument(context, ingest, document);
    } catch (error) {
      throw asRefusal(error);
    }
    await this.#inTurn(async () => {
      const named = "tag" in key ? `${repository.full}:${key.tag}` : undefined;
      const before = named === undefined ? undefined : this.#store.images.get(named)?.target;
      const tagged = this.#catalog.rows(repository).some(({ tag, record }) =>
        tag !== undefined && record.target.digest === digest
      );
      if (before !== undefined && before.digest !== digest) {
        ingest.image(untaggedRow(repository, before.digest), before, { spare: true });
      }
      if (named !== undefined) ingest.image(named, target);
      else if (!tagged) ingest.image(untaggedRow(repository, digest), target, { spare: true });
      await ingest.commit();
      const children = document.kind === "index" ? document.manifests.map((one) => one.digest) : [];
      const spare = named === undefined ? children : [digest, ...children];
      const rows = spare.map((one) => untaggedRow(repository, one));
      this.#store.images.removeAll(rows, { spare: true });
    });
    // They are blobs of the store now.
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

  /** DELETE: of a tag the name, whose manifest stays under its digest; of a digest all of its names. */
  async delete(repository: RepositoryName, key: ManifestKey): Promise<Answer> {
    await this.#inTurn(async () => {
      const rows = this.#catalog.rows(repository);
      if ("tag" in key) {
        const row = rows.find(({ tag }) => tag === key.tag);
        if (row === undefined) throw unknownManifest(key);
        const { target, name } = row.record;
        const others = rows.filter(({ record }) => record.target.digest === target.digest);
        if (others.length === 1 && !await this.#catalog.isChild(repository, target.digest)) {
          const row = untaggedRow(repository, target.digest);
          this.#store.images.set(row, target, { spare: true });
        }
        this.#store.images.removeAll([name]);
        return;
      }
      if (await this.#catalog.isChild(repository, key.digest)) {
        throw refuse(405, "UNSUPPORTED", "an index names the manifest: delete the index first");
      }
      const names = rows.filter(({ record }) => record.target.digest === key.digest);
      if (names.length === 0) throw unknownManifest(key);
      // In one go: there may be thousands, and a half of them would be nothing that anybody asked for.
      this.#store.images.removeAll(names.map(({ record }) => record.name));
    });
    return { status: 202 };
  }

  /** Names change one request after the other: each looks at them first. */
  async #inTurn(change: () => Promise<void>): Promise<void> {
    const turn = this.#naming.then(change);
    this.#naming = turn.catch(() => {});
    await turn;
  }
}

function unknownManifest(key: ManifestKey) {
  return refuse(404, "MANIFEST_UNKNOWN", "there is no such manifest", key);
}

/** @throws {Refusal} 400 when it is not what the path says */
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

/** @throws {Refusal} 400 */
function parse(
  bytes: Uint8Array,
  contentType: string | undefined,
  { documents: limits }: PutContext,
): ImageDocument {
  try {
    return parseDocument(bytes, { contentType, limits });
  } catch (error) {
    throw asRefusal(error);
  }
}

/** Errors that say that what came is bad are the client's; all others are the server's. */
function asRefusal(error: unknown): unknown {
  if (!isBadData(error)) return error;
  return refuse(400, "MANIFEST_INVALID", error.message, { code: error.code });
}
