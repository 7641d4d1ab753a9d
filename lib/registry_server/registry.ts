import { ociLimits } from "../oci/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import type { Store } from "../store/mod.ts";
import { Blobs } from "./blobs.ts";
import { Catalog } from "./catalog.ts";
import type { ServeRegistryOptions } from "./contract.ts";
import { type Answer, type Ask, jsonAnswer, refuse } from "./http.ts";
import { listCatalog, listReferrers, listTags } from "./lists.ts";
import { Manifests } from "./manifests.ts";
import { routeOf } from "./routes.ts";
import { beginUpload, continueUpload } from "./upload_requests.ts";
import { Uploads } from "./uploads.ts";

const HOUR = 60 * 60 * 1000;
const MAX_BLOB = 64 * 1024 ** 3;

/** Requests to answers, over a store: the registry without its network. */
export class Registry implements AsyncDisposable {
  /** What is being uploaded. */
  readonly uploads: Uploads;
  readonly #readOnly: boolean;
  readonly #catalog: Catalog;
  readonly #blobs: Blobs;
  readonly #manifests: Manifests;
  #pool: Pool | undefined;

  /** `now` tells ms. */
  constructor(
    store: Store,
    options: ServeRegistryOptions = {},
    now: () => number = () => performance.now(),
  ) {
    this.#readOnly = options.readOnly ?? false;
    this.uploads = new Uploads({
      directory: () =>
        store.directories?.scratch() ?? Deno.makeTempDir({ prefix: "varve-registry-" }),
      lifetime: options.uploadLifetime ?? HOUR,
      maxBytes: options.maxBlobBytes ?? MAX_BLOB,
      now,
    });
    this.#catalog = new Catalog(store);
    this.#blobs = new Blobs(store, this.#catalog, this.uploads);
    const signal = options.signal ?? new AbortController().signal;
    this.#manifests = new Manifests(store, this.#catalog, () => ({
      ...options,
      store,
      uploads: this.uploads,
      pool: options.pool ?? (this.#pool ??= createPool()),
      documents: ociLimits(options.ociLimits),
      serves: (digest) => this.#blobs.serves(digest),
      strangers: (digests) => this.#catalog.strangers(digests),
      signal,
    }));
  }

  /** Answers. @throws {Refusal} what is the client's fault */
  async answer(ask: Ask): Promise<Answer> {
    const route = routeOf(ask);
    if (this.#readOnly && !["GET", "HEAD"].includes(ask.method)) {
      throw refuse(405, "UNSUPPORTED", "the registry is read-only");
    }
    switch (route.kind) {
      case "base":
        return jsonAnswer({}, { "docker-distribution-api-version": "registry/2.0" });
      case "catalog":
        return listCatalog(this.#catalog, ask);
      case "tags":
        return listTags(this.#catalog, route.repository, ask);
      case "referrers":
        return await listReferrers(this.#catalog, route.repository, route.digest, ask);
      case "uploads":
        return await beginUpload(this.uploads, this.#blobs, route.repository, ask);
      case "upload":
        return await continueUpload(this.uploads, route.repository, route.id, ask);
      case "blob":
        return ask.method === "DELETE"
          ? await this.#blobs.delete(route.digest)
          : await this.#blobs.get(route.digest, ask);
      case "manifest": {
        const { repository, key } = route;
        if (ask.method === "PUT") return await this.#manifests.put(repository, key, ask);
        if (ask.method === "DELETE") return await this.#manifests.delete(repository, key);
        return await this.#manifests.get(repository, key);
      }
    }
  }

  /** Drops what was uploaded and no manifest named. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.uploads[Symbol.asyncDispose]();
    await this.#pool?.[Symbol.asyncDispose]();
  }
}
