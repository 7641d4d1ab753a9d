import { ociLimits } from "../oci/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import type { Store } from "../store/mod.ts";
import { Blobs } from "./blobs.ts";
import { Catalog } from "./catalog.ts";
import type { ServeRegistryOptions } from "./contract.ts";
import { jsonResponse, refuse, type RegistryRequest, type RegistryResponse } from "./http.ts";
import { listCatalog, listReferrers, listTags } from "./list_responses.ts";
import { Manifests } from "./manifests.ts";
import { PromisedBlobs } from "./promised_blobs.ts";
import { routeOf } from "./routes.ts";
import { beginUpload, continueUpload } from "./upload_requests.ts";
import { Uploads } from "./uploads.ts";

/** Milliseconds without use after which an upload is dropped, by default. */
const UPLOAD_LIFETIME = 60 * 60 * 1000;
/** Largest blob in bytes, by default. */
const MAX_BLOB = 64 * 1024 ** 3;

/** The registry without a network: answers requests from a store. */
export class Registry implements AsyncDisposable {
  /** Uploads that run, and blobs that wait for a manifest. */
  readonly uploads: Uploads;
  readonly #promises: PromisedBlobs;
  readonly #readOnly: boolean;
  readonly #catalog: Catalog;
  readonly #blobs: Blobs;
  readonly #manifests: Manifests;
  #pool: Pool | undefined;

  /** `now` is a clock in milliseconds. */
  constructor(
    store: Store,
    options: ServeRegistryOptions = {},
    now: () => number = () => performance.now(),
  ) {
    this.#readOnly = options.readOnly ?? false;
    const lifetime = options.uploadLifetime ?? UPLOAD_LIFETIME;
    this.#promises = new PromisedBlobs(store, { lifetime, now });
    this.uploads = new Uploads({
      directory: () =>
        store.directories?.scratch() ?? Deno.makeTempDir({ prefix: "varve-registry-" }),
      lifetime,
      maxBytes: options.maxBlobBytes ?? MAX_BLOB,
      now,
    });
    this.#catalog = new Catalog(store);
    this.#blobs = new Blobs(store, this.#catalog, this.uploads, this.#promises);
    const signal = options.signal ?? new AbortController().signal;
    this.#manifests = new Manifests(store, this.#catalog, () => ({
      ...options,
      store,
      uploads: this.uploads,
      pool: options.pool ?? (this.#pool ??= createPool()),
      documents: ociLimits(options.ociLimits),
      serves: (digest) => this.#blobs.serves(digest),
      unknownDocuments: (digests) => this.#catalog.unknownDocuments(digests),
      signal,
    }));
  }

  /** Answers a request. @throws {Refusal} when the client is at fault */
  async answer(request: RegistryRequest): Promise<RegistryResponse> {
    const route = routeOf(request);
    if (this.#readOnly && !["GET", "HEAD"].includes(request.method)) {
      throw refuse(405, "UNSUPPORTED", "the registry is read-only");
    }
    switch (route.kind) {
      case "base":
        return jsonResponse({}, { "docker-distribution-api-version": "registry/2.0" });
      case "catalog":
        return listCatalog(this.#catalog, request);
      case "tags":
        return listTags(this.#catalog, route.repository, request);
      case "referrers":
        return await listReferrers(this.#catalog, route.repository, route.digest, request);
      case "uploads":
        return await beginUpload(this.uploads, this.#blobs, route.repository, request);
      case "upload":
        return await continueUpload(this.uploads, route.repository, route.id, request);
      case "blob":
        return request.method === "DELETE"
          ? await this.#blobs.delete(route.digest)
          : await this.#blobs.get(route.digest, request);
      case "manifest": {
        const { repository, key } = route;
        if (request.method === "PUT") return await this.#manifests.put(repository, key, request);
        if (request.method === "DELETE") return await this.#manifests.delete(repository, key);
        return await this.#manifests.get(repository, key);
      }
    }
  }

  /** Drops what was not used for its lifetime. */
  async sweep(): Promise<void> {
    await this.uploads.sweep();
    await this.#promises.sweep();
  }

  /**
   * Drops all uploads that no manifest named, and disposes the pool, unless the caller gave one.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.uploads[Symbol.asyncDispose]();
    await this.#promises[Symbol.asyncDispose]();
    await this.#pool?.[Symbol.asyncDispose]();
  }
}
