import type { Digest } from "../digest/mod.ts";
import type { Store } from "../store/mod.ts";
import { type ByteRange, parseRange } from "./byte_range.ts";
import type { Catalog } from "./catalog.ts";
import { fileChunks } from "./file_chunks.ts";
import {
  digestHeader,
  Refusal,
  refuse,
  type RegistryRequest,
  type RegistryResponse,
} from "./http.ts";
import type { PromisedBlobs } from "./promised_blobs.ts";
import type { Uploads } from "./uploads.ts";

/**
 * The blobs that the registry serves (distribution-spec, "Pulling blobs", "Deleting Blobs"): those of the
 * store, and those that were uploaded and wait for a manifest.
 *
 * A blob belongs to every repository: there is no authentication, so every client may read
 * everything, and no client has to upload a blob that is here already. A blob that an image names
 * cannot be deleted. A deleted upload is removed at once; a deleted blob of the store is no longer
 * served, and gc removes its bytes.
 */
export class Blobs {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #uploads: Uploads;
  readonly #promises: PromisedBlobs;
  readonly #deleted = new Set<Digest>();

  constructor(store: Store, catalog: Catalog, uploads: Uploads, promises: PromisedBlobs) {
    this.#store = store;
    this.#catalog = catalog;
    this.#uploads = uploads;
    this.#promises = promises;
  }

  /** Whether a blob is available, uploaded or in the store. */
  async has(digest: Digest): Promise<boolean> {
    return this.#uploads.blob(digest) !== undefined || await this.serves(digest);
  }

  /**
   * Whether a blob is available. When it is, it stays until a manifest can name it: a client that knows of it does not
   * upload it.
   */
  async promise(digest: Digest): Promise<boolean> {
    if (this.#uploads.blob(digest) !== undefined) return true;
    if (!await this.serves(digest)) return false;
    await this.#promises.keep(digest);
    return await this.serves(digest);
  }

  /**
   * Whether a blob of the store is served. A blob is not served if it is known to be damaged or was
   * deleted. When an image names a deleted blob again, the blob is served again.
   */
  async serves(digest: Digest): Promise<boolean> {
    const { verifiedAt = 0 } = this.#store.blobs.stat(digest) ?? {};
    if (verifiedAt === 0) return false;
    if (!this.#deleted.has(digest)) return true;
    if (await this.#catalog.ownerOf(digest) === undefined) return false;
    this.#deleted.delete(digest);
    return true;
  }

  /** GET and HEAD of a blob, whole or one range of it. */
  async get(digest: Digest, request: RegistryRequest): Promise<RegistryResponse> {
    const isHead = request.method === "HEAD";
    const isHere = isHead ? await this.promise(digest) : await this.has(digest);
    if (!isHere) throw unknownBlob(digest);
    const size = (this.#uploads.blob(digest) ?? this.#store.blobs.stat(digest))?.size ?? 0;
    const etag = `"${digest}"`;
    const headers = {
      "content-type": "application/octet-stream",
      "accept-ranges": "bytes",
      etag,
      ...digestHeader(digest),
    };
    const condition = request.header("if-range");
    const conditionHolds = condition === undefined || condition === etag;
    const range = parseRange(conditionHolds ? request.header("range") : undefined, size);
    if (range === "unsatisfiable") {
      throw new Refusal(
        416,
        { code: "SIZE_INVALID", message: `the blob has ${size} bytes` },
        { "content-range": `bytes */${size}` },
      );
    }
    const { start, end } = range ?? { start: 0, end: size };
    const length = { "content-length": String(end - start) };
    const part = range && { "content-range": `bytes ${start}-${end - 1}/${size}` };
    const status = range === undefined ? 200 : 206;
    if (isHead) return { status, headers: { ...headers, ...length, ...part } };
    // A range of all bytes is read as the whole blob, whose digest is then verified.
    const body = await this.#open(digest, end - start === size ? undefined : range, request.signal);
    return { status, headers: { ...headers, ...length, ...part }, body };
  }

  /** DELETE of a blob. */
  async delete(digest: Digest): Promise<RegistryResponse> {
    const isDropped = await this.#uploads.drop(digest);
    if (!await this.serves(digest)) {
      if (isDropped) return { status: 202 };
      throw unknownBlob(digest);
    }
    const owner = await this.#catalog.ownerOf(digest);
    if (owner !== undefined) {
      throw refuse(405, "UNSUPPORTED", "an image names the blob: delete its manifests first", {
        image: owner,
      });
    }
    this.#deleted.add(digest);
    return { status: 202 };
  }

  async #open(
    digest: Digest,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const uploads = this.#uploads;
    const blob = uploads.blob(digest);
    if (blob === undefined) {
      return await this.#store.blobs.open(digest, { signal, run: range });
    }
    const { start, end } = range ?? { start: 0, end: blob.size };
    return ReadableStream.from((async function* () {
      using held = uploads.hold(digest);
      if (held === undefined) throw unknownBlob(digest);
      yield* fileChunks(held.path, start, end - start);
    })());
  }
}

function unknownBlob(digest: Digest): Refusal {
  return refuse(404, "BLOB_UNKNOWN", "there is no such blob", { digest });
}
