import {
  algorithmOf,
  createHasher,
  type Digest,
  equalDigests,
  Verifier,
} from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { bareMediaType, type Descriptor, MEDIA_TYPES, OCI_LIMITS } from "../../oci/mod.ts";
import type { Capability, ClientConfig, Endpoint, Tokens } from "../contract.ts";
import { streamBlob } from "./blob/blob_stream.ts";
import { namePages } from "./list/name_list.ts";
import { isObjectText, registryError } from "../http/redact.ts";
import { referrerPages } from "./list/referrer_pages.ts";
import { indexOfTag, listInTag, subjectTag } from "./list/subject_tag.ts";
import { type Request, Transport } from "./transport.ts";
import {
  type BlobUpload,
  type ManifestUpload,
  putManifest,
  uploadBlob,
  type UploadOutcome,
} from "./upload/upload.ts";
import type { UploadContext } from "./upload/upload_context.ts";

/** What `Accept` says: indexes first, so that a registry does not choose a platform by itself. */
const ACCEPT = [
  MEDIA_TYPES.index,
  MEDIA_TYPES.dockerIndex,
  MEDIA_TYPES.manifest,
  MEDIA_TYPES.dockerManifest,
  "*/*;q=0.5",
].join(", ");

/** A manifest or an index, as it came. */
export interface FetchedDocument {
  /** Its bytes, whose digest is `digest`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Digest of the bytes, computed here. */
  readonly digest: Digest;
  /** `Content-Type`, without parameters, where it says something. */
  readonly contentType: string | undefined;
}

/** What a manifest is asked for by. */
export interface ManifestName {
  /** Repository, without the registry. */
  readonly repository: string;
  /** A tag. */
  readonly tag?: string | undefined;
  /** A digest; it beats the tag. */
  readonly digest?: Digest | undefined;
}

/** Speaks to one registry and its mirrors. Dispose it: connections stay open until then. */
export class RegistryClient implements Disposable {
  readonly #transport: Transport;

  /** `tokens` are those that another client got. */
  constructor(config: ClientConfig, tokens: Tokens = {}) {
    this.#transport = new Transport(config, tokens);
  }

  /** What it was made from. */
  get config(): ClientConfig {
    return this.#transport.config;
  }

  /** The tokens that it got so far, as a value for another thread. */
  get tokens(): Tokens {
    return this.#transport.tokens;
  }

  /**
   * Fetches a manifest or an index, by digest where there is one.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_REGISTRY`, `E_DIGEST` when it is another one, `E_LIMIT`
   */
  async manifest(
    name: ManifestName,
    options: { readonly signal?: AbortSignal | undefined; readonly maxBytes?: number | undefined } =
      {},
  ): Promise<FetchedDocument> {
    const { repository, digest } = name;
    const { signal, maxBytes = OCI_LIMITS.manifest.value } = options;
    const shown = this.#shown(name);
    return await this.#each(digest === undefined ? "resolve" : "pull", async (endpoint) => {
      const action = `fetch manifest of ${shown} from ${endpoint.origin}`;
      const { response, bytes } = await this.#transport.read(
        endpoint,
        manifestRequest("GET", name, action, signal),
        { maxBytes, setting: OCI_LIMITS.manifest.setting },
      );
      // No digest tells that it is a page of whoever stands between: the next endpoint may have the image.
      if (digest === undefined && !isObjectText(bytes)) {
        throw registryError(action, "the answer is no JSON object");
      }
      const hasher = createHasher(digest === undefined ? "sha256" : algorithmOf(digest));
      hasher.update(bytes);
      const actual = hasher.digest();
      if (digest !== undefined && !equalDigests(digest, actual)) {
        throw new VarveError("E_DIGEST", `Cannot ${action}: the digest is ${actual}`, {
          expected: digest,
          actual,
          subject: repository,
        });
      }
      const type = bareMediaType(response.headers.get("content-type") ?? "");
      return { bytes, digest: actual, contentType: type === "" ? undefined : type };
    });
  }

  /** Whether a manifest is there. @throws {VarveError} `E_DENIED`, `E_REGISTRY` */
  async hasManifest(name: ManifestName, signal?: AbortSignal): Promise<boolean> {
    const endpoint = this.#own();
    const action = `look for the manifest of ${this.#shown(name)} at ${endpoint.origin}`;
    const request = manifestRequest("HEAD", name, action, signal);
    const { response } = await this.#transport.send(endpoint, { ...request, accept: [200, 404] });
    await response.body?.cancel();
    return response.status === 200;
  }

  /** A small blob (a config), verified. @throws {VarveError} `E_MISSING`, `E_DIGEST`, `E_SIZE`, `E_LIMIT`, `E_REGISTRY` */
  async smallBlob(
    repository: string,
    blob: Pick<Descriptor, "digest" | "size">,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (blob.size > maxBytes) {
      throw new VarveError(
        "E_LIMIT",
        `Cannot fetch blob ${blob.digest}: ${blob.size} bytes are more than the limit of ${maxBytes}`,
        { expected: maxBytes, actual: blob.size },
      );
    }
    return await this.#each("pull", async (endpoint) => {
      const bytes = new Uint8Array(blob.size);
      const verifier = new Verifier(blob);
      const stream = streamBlob(this.#transport, [endpoint], { repository, blob }, signal);
      for await (const chunk of stream) {
        bytes.set(chunk, verifier.size);
        verifier.update(chunk);
      }
      verifier.finish();
      return bytes;
    });
  }

  /** The bytes of a blob from an offset on, resumed after cuts; verify their digest. A chunk is valid until the next is asked for. */
  blob(
    repository: string,
    blob: Pick<Descriptor, "digest" | "size">,
    signal?: AbortSignal,
    from = 0,
  ): AsyncIterable<Uint8Array> {
    const endpoints = this.endpoints("pull");
    return streamBlob(this.#transport, endpoints, { repository, blob, from }, signal);
  }

  /** All tags of a repository, as the registry orders them. @throws {VarveError} `E_NOT_FOUND`, `E_LIMIT`, `E_REGISTRY` */
  async tags(repository: string, signal?: AbortSignal): Promise<string[]> {
    return await this.#each("resolve", async (endpoint) => {
      const action = `list the tags of ${this.config.registry}/${repository}`;
      const scope = `repository:${repository}:pull`;
      const path = `/${repository}/tags/list`;
      const list = { path, field: "tags", scope, action, signal } as const;
      const tags: string[] = [];
      for await (const page of namePages(this.#transport, endpoint, list)) {
        // Not spread: a page may hold more names than a call takes arguments.
        for (const tag of page) tags.push(tag);
      }
      return tags;
    });
  }

  /**
   * The names of all repositories, page by page, of the registry itself. Many registries do not tell them.
   *
   * @throws {VarveError} `E_DENIED`, `E_NOT_FOUND` or `E_REGISTRY` where it does not, `E_LIMIT`
   */
  async *catalog(signal?: AbortSignal): AsyncIterableIterator<string> {
    const action = `list the repositories of ${this.config.registry}`;
    const scope = "registry:catalog:*";
    const list = { path: "/_catalog", field: "repositories", scope, action, signal } as const;
    for await (const page of namePages(this.#transport, this.#own(), list)) yield* page;
  }

  /**
   * Deletes a tag, or with a digest a manifest and all of its tags (distribution-spec, "Deleting Manifests").
   *
   * @throws {VarveError} `E_NOT_FOUND`, also when it was deleted and the answer was lost; `E_DENIED`; `E_REGISTRY`, also where the registry deletes none
   */
  async deleteManifest(name: ManifestName, signal?: AbortSignal): Promise<void> {
    if (name.tag === undefined && name.digest === undefined) {
      throw new TypeError("Cannot delete a manifest: neither tag nor digest is given");
    }
    const what = `the manifest of ${this.#shown(name)}`;
    await this.#delete(name.repository, `manifests/${referenceOf(name)}`, what, signal);
  }

  /** Deletes a blob of a repository. @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_REGISTRY` also where the registry deletes none */
  async deleteBlob(repository: string, digest: Digest, signal?: AbortSignal): Promise<void> {
    const what = `blob ${digest} of ${this.config.registry}/${repository}`;
    await this.#delete(repository, `blobs/${digest}`, what, signal);
  }

  async #delete(
    repository: string,
    path: string,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { response } = await this.#transport.send(this.#own(), {
      method: "DELETE",
      path: `/${repository}/${path}`,
      scope: `repository:${repository}:delete`,
      accept: [200, 202, 204],
      action: `delete ${what}`,
      signal,
    });
    await response.body?.cancel();
  }

  /**
   * What refers to a manifest (distribution-spec, "Listing Referrers"): signatures, attestations, bills of
   * material. A registry without the API is asked for the tag that stands in for it.
   *
   * @throws {VarveError} `E_DENIED`, `E_REGISTRY`, `E_LIMIT`; `E_JSON`, `E_FORMAT`, … when the list is malformed
   */
  async referrers(
    repository: string,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<readonly Descriptor[]> {
    return await this.#each("resolve", async (endpoint) => {
      const action = `list what refers to ${digest} at ${endpoint.origin}`;
      const list = { repository, subject: digest, action, signal };
      const listed = await referrerPages(this.#transport, endpoint, list);
      if (listed !== undefined) return listed;
      const tag = subjectTag({ digest });
      try {
        const { bytes, contentType } = await this.manifest({ repository, tag }, { signal });
        const asked = `list what refers to ${digest} under ${this.#shown({ repository, tag })}`;
        return indexOfTag(bytes, asked, { contentType }).manifests;
      } catch (error) {
        if (error instanceof VarveError && error.code === "E_NOT_FOUND") return [];
        throw error;
      }
    });
  }

  /** Asks whether the registry takes the credentials. @throws {VarveError} `E_DENIED`, `E_REGISTRY` */
  async ping(signal?: AbortSignal): Promise<void> {
    const endpoint = this.#own();
    const { response } = await this.#transport.send(endpoint, {
      method: "GET",
      path: "/",
      scope: "",
      action: `log in to ${this.config.registry}`,
      proves: true,
      signal,
    });
    await response.body?.cancel();
  }

  /** Brings a blob into a repository: there already, mounted, or uploaded. @throws {VarveError} `E_REGISTRY`, `E_DENIED` */
  async uploadBlob(
    repository: string,
    upload: BlobUpload,
    signal?: AbortSignal,
  ): Promise<UploadOutcome> {
    return await uploadBlob(this.#pushContext(repository, signal), upload);
  }

  /**
   * Puts a manifest or an index, byte for byte, under a tag or its digest.
   *
   * @returns whether the registry itself lists it under its subject
   * @throws {VarveError} `E_REGISTRY`, `E_DENIED`, `E_DIGEST`
   */
  async putManifest(
    repository: string,
    bytes: Uint8Array,
    manifest: ManifestUpload,
    name: string,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const context = this.#pushContext(repository, signal);
    return await putManifest(context, new Uint8Array(bytes), manifest, name);
  }

  /**
   * Lists a manifest under the tag that stands in for the referrers API, where {@linkcode putManifest}
   * said that the registry does not list it by itself.
   *
   * @throws {VarveError} `E_REGISTRY`, `E_DENIED`; the error of a bad index when the tag names something else
   */
  async listReferrer(
    repository: string,
    subject: Pick<Descriptor, "digest">,
    referrer: Descriptor,
    signal?: AbortSignal,
  ): Promise<void> {
    await listInTag(this.#pushContext(repository, signal), subject, referrer);
  }

  #pushContext(repository: string, signal: AbortSignal | undefined): UploadContext {
    // As containerd has it: the first that may. A hosts file may name the registry itself there, in plain http.
    const [endpoint] = this.endpoints("push") as [Endpoint];
    return { transport: this.#transport, endpoint, repository, signal };
  }

  /** Tries the endpoints in their order; the error of the last one counts. */
  async #each<T>(capability: Capability, ask: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    const endpoints = this.endpoints(capability);
    for (const endpoint of endpoints.slice(0, -1)) {
      try {
        return await ask(endpoint);
      } catch (error) {
        // A mirror that fails, or that gives the wrong thing, is passed over.
        if (!(error instanceof VarveError)) throw error;
      }
    }
    return await ask(endpoints.at(-1) as Endpoint);
  }

  /** The endpoints that may do something, in their order. @throws {VarveError} `E_PRECONDITION` when none may */
  endpoints(capability: Capability): readonly Endpoint[] {
    const { endpoints, registry } = this.config;
    const able = endpoints.filter((endpoint) => endpoint.capabilities.includes(capability));
    if (able.length > 0) return able;
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot use registry ${registry}: its hosts.toml has no host that may ${capability}`,
    );
  }

  /** The registry itself: of its addresses the one that pushes go to. */
  #own(): Endpoint {
    const all = this.config.endpoints;
    const own = all.filter(({ namespace }) => namespace === null);
    const able = own.find(({ capabilities }) => capabilities.includes("push"));
    return able ?? own[0] ?? all.at(-1) as Endpoint;
  }

  #shown({ repository, tag, digest }: ManifestName): string {
    return `${this.config.registry}/${repository}${
      digest !== undefined ? `@${digest}` : `:${tag ?? "latest"}`
    }`;
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }
}

function manifestRequest(
  method: "GET" | "HEAD",
  name: ManifestName,
  action: string,
  signal: AbortSignal | undefined,
): Request {
  return {
    method,
    path: `/${name.repository}/manifests/${referenceOf(name)}`,
    headers: { accept: ACCEPT },
    scope: `repository:${name.repository}:pull`,
    action,
    signal,
  };
}

function referenceOf({ tag, digest }: ManifestName): string {
  return digest ?? tag ?? "latest";
}
