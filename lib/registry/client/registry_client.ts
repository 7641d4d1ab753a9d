import { type Digest, isDigest, Verifier } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { type Descriptor, OCI_LIMITS, type Reference } from "../../oci/mod.ts";
import { type ClientOptions, loadClientConfig } from "../config/client_config.ts";
import type { Capability, ClientConfig, Endpoint, Tokens } from "../contract.ts";
import { streamBlob } from "./blob/blob_stream.ts";
import { askInOrder, endpointsFor, ownEndpointOf } from "./endpoint_choice.ts";
import {
  type FetchedDocument,
  fetchManifest,
  type ManifestName,
  manifestRequest,
  referenceOf,
} from "./fetch_manifest.ts";
import { namePages } from "./list/name_list.ts";
import { referrerPages } from "./list/referrer_pages.ts";
import { addToReferrersTag, parseReferrersIndex, referrersTag } from "./list/referrers_tag.ts";
import { Transport } from "./transport.ts";
import { type ManifestUpload, putManifest } from "./upload/put_manifest.ts";
import { type BlobUpload, uploadBlob, type UploadOutcome } from "./upload/upload_blob.ts";
import type { UploadContext } from "./upload/upload_context.ts";

/**
 * A client of a registry and its mirrors. Dispose it to close its connections.
 *
 * A client made from options serves every registry. Pass it to `pullImage`, `pushImage` or
 * `copyImage`, or call {@linkcode for} to get the client of one registry. All other methods work
 * only on the client of one registry. A client made without options is anonymous: it reads no file
 * of credentials.
 *
 * @example
 * ```ts ignore
 * const env = (name: string) => Deno.env.get(name);
 * using client = new RegistryClient(defaultClientOptions(env));
 * const debian = await client.for(parseReference("debian"));
 * console.log(await debian.tags("library/debian"));
 * ```
 */
export class RegistryClient implements Disposable {
  readonly #given: Transport | ClientOptions;
  /** The clients that `for` has made, by registry and repository. */
  readonly #made = new Map<string, RegistryClient>();

  /** `tokens` are the tokens of another client, so that this client need not fetch them again. */
  constructor(config: ClientConfig | ClientOptions = {}, tokens: Tokens = {}) {
    this.#given = "registry" in config ? new Transport(config, tokens) : config;
  }

  /**
   * The client for the registry of an image. It is disposed together with this client.
   *
   * @throws {VarveError} as `loadClientConfig`
   * @throws {TypeError} when this is the client of another registry
   */
  async for({ registry, repository }: Reference): Promise<RegistryClient> {
    if (this.#given instanceof Transport) {
      if (registry === this.config.registry) return this;
      const own = this.config.registry;
      throw new TypeError(`Cannot reach ${registry}/${repository}: the client is for ${own}`);
    }
    const key = `${registry}/${repository}`;
    const config = this.#made.has(key)
      ? null
      : await loadClientConfig(registry, repository, this.#given);
    // Another call may have made the client during the wait.
    let made = this.#made.get(key);
    if (made === undefined) {
      made = new RegistryClient(config as ClientConfig);
      this.#made.set(key, made);
    }
    return made;
  }

  get #transport(): Transport {
    if (this.#given instanceof Transport) return this.#given;
    throw new TypeError(
      "Cannot talk to a registry: the client is for all of them, call its method for",
    );
  }

  /** The configuration, without mirrors that could not be reached. */
  get config(): ClientConfig {
    return this.#transport.config;
  }

  /** The tokens that the client has so far, as a value for another thread. */
  get tokens(): Tokens {
    return this.#transport.tokens;
  }

  /**
   * Fetches a manifest or an index, and checks its digest if the name has one.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_REGISTRY`, `E_DIGEST`, `E_LIMIT` above `maxBytes` (4 MiB when absent)
   */
  async manifest(
    name: ManifestName,
    options: { readonly signal?: AbortSignal | undefined; readonly maxBytes?: number | undefined } =
      {},
  ): Promise<FetchedDocument> {
    const { signal, maxBytes = OCI_LIMITS.manifest.value } = options;
    const capability = name.digest === undefined ? "resolve" : "pull";
    return await askInOrder(this.endpoints(capability), (endpoint) => {
      const action = `fetch manifest of ${this.#shown(name)} from ${endpoint.origin}`;
      return fetchManifest(this.#transport, endpoint, name, { action, maxBytes, signal });
    });
  }

  /** Whether the registry itself has a manifest. @throws {VarveError} `E_DENIED`, `E_REGISTRY` */
  async hasManifest(name: ManifestName, signal?: AbortSignal): Promise<boolean> {
    return (await this.#headManifest(name, signal)).status === 200;
  }

  /**
   * The digest of a manifest as the registry itself says it; `undefined` when it has no such manifest, or does not say it.
   *
   * @throws {VarveError} `E_DENIED`, `E_REGISTRY`
   */
  async manifestDigest(name: ManifestName, signal?: AbortSignal): Promise<Digest | undefined> {
    const { status, headers } = await this.#headManifest(name, signal);
    const digest = headers.get("docker-content-digest");
    return status === 200 && digest !== null && isDigest(digest) ? digest : undefined;
  }

  async #headManifest(name: ManifestName, signal: AbortSignal | undefined): Promise<Response> {
    const endpoint = this.#own();
    const action = `look for the manifest of ${this.#shown(name)} at ${endpoint.origin}`;
    const request = manifestRequest("HEAD", name, action, signal);
    const { response } = await this.#transport.send(endpoint, {
      ...request,
      acceptStatus: [200, 404],
    });
    await response.body?.cancel();
    return response;
  }

  /**
   * Fetches a small blob, such as a config, and checks its digest and size.
   *
   * @throws {VarveError} `E_LIMIT` above `maxBytes`, `E_MISSING`, `E_DIGEST`, `E_SIZE`, `E_REGISTRY`
   */
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
    return await askInOrder(this.endpoints("pull"), async (endpoint) => {
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

  /**
   * The bytes of a blob from an offset on. The stream resumes after a broken connection. It checks
   * the size, not the digest. A chunk is valid until the next chunk is requested.
   */
  blob(
    repository: string,
    blob: Pick<Descriptor, "digest" | "size">,
    signal?: AbortSignal,
    from = 0,
  ): AsyncIterable<Uint8Array> {
    const endpoints = this.endpoints("pull");
    return streamBlob(this.#transport, endpoints, { repository, blob, from }, signal);
  }

  /**
   * The size of a blob in bytes, as the registry says it.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`; `E_REGISTRY`, also when the registry does not say it
   */
  async blobSize(repository: string, digest: Digest, signal?: AbortSignal): Promise<number> {
    const action = `look for blob ${digest} of ${this.config.registry}/${repository}`;
    return await askInOrder(this.endpoints("pull"), async (endpoint) => {
      const { response } = await this.#transport.send(endpoint, {
        method: "HEAD",
        path: `/${repository}/blobs/${digest}`,
        scope: `repository:${repository}:pull`,
        action,
        signal,
      });
      await response.body?.cancel();
      const size = response.headers.get("content-length") ?? "";
      if (/^[0-9]{1,15}$/.test(size)) return Number(size);
      throw new VarveError("E_REGISTRY", `Cannot ${action}: the answer has no size`);
    });
  }

  /** All tags of a repository, in the registry's order. @throws {VarveError} `E_NOT_FOUND`, `E_LIMIT`, `E_REGISTRY` */
  async tags(repository: string, signal?: AbortSignal): Promise<string[]> {
    return await askInOrder(this.endpoints("resolve"), async (endpoint) => {
      const action = `list the tags of ${this.config.registry}/${repository}`;
      const scope = `repository:${repository}:pull`;
      const path = `/${repository}/tags/list`;
      const list = { path, field: "tags", scope, action, signal } as const;
      const tags: string[] = [];
      for await (const page of namePages(this.#transport, endpoint, list)) {
        // Do not spread the page into one call: it may hold more names than a call takes arguments.
        for (const tag of page) tags.push(tag);
      }
      return tags;
    });
  }

  /**
   * The names of all repositories of the registry itself, fetched page by page. Many registries refuse this.
   *
   * @throws {VarveError} `E_DENIED`, `E_NOT_FOUND` or `E_REGISTRY` when the registry refuses,
   * `E_LIMIT`
   */
  async *catalog(signal?: AbortSignal): AsyncIterableIterator<string> {
    const action = `list the repositories of ${this.config.registry}`;
    const scope = "registry:catalog:*";
    const list = { path: "/_catalog", field: "repositories", scope, action, signal } as const;
    for await (const page of namePages(this.#transport, this.#own(), list)) yield* page;
  }

  /**
   * Deletes a tag, or with a digest the manifest and all of its tags (distribution-spec, "Deleting
   * Manifests").
   *
   * @throws {VarveError} `E_NOT_FOUND`, also when it was deleted but the answer was lost;
   * `E_DENIED`; `E_REGISTRY`, also when the registry does not support deletion
   */
  async deleteManifest(name: ManifestName, signal?: AbortSignal): Promise<void> {
    if (name.tag === undefined && name.digest === undefined) {
      throw new TypeError("Cannot delete a manifest: neither tag nor digest is given");
    }
    const what = `the manifest of ${this.#shown(name)}`;
    await this.#delete(name.repository, `manifests/${referenceOf(name)}`, what, signal);
  }

  /**
   * Deletes a blob of a repository.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`; `E_REGISTRY`, also when the registry does not
   * support deletion
   */
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
      acceptStatus: [200, 202, 204],
      action: `delete ${what}`,
      signal,
    });
    await response.body?.cancel();
  }

  /**
   * The referrers of a manifest (distribution-spec, "Listing Referrers"): signatures, attestations,
   * bills of material. If the registry has no referrers API, they are read from the index under the
   * referrers tag.
   *
   * @throws {VarveError} `E_DENIED`, `E_REGISTRY`, `E_LIMIT`; `E_JSON`, `E_FORMAT`, … when the list is malformed
   */
  async referrers(
    repository: string,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<readonly Descriptor[]> {
    return await askInOrder(this.endpoints("resolve"), async (endpoint) => {
      const action = `list what refers to ${digest} at ${endpoint.origin}`;
      const list = { repository, subject: digest, action, signal };
      const listed = await referrerPages(this.#transport, endpoint, list);
      if (listed !== undefined) return listed;
      const tag = referrersTag({ digest });
      try {
        const { bytes, contentType } = await this.manifest({ repository, tag }, { signal });
        const tagAction = `list what refers to ${digest} under ${this.#shown({ repository, tag })}`;
        return parseReferrersIndex(bytes, tagAction, { contentType }).manifests;
      } catch (error) {
        if (error instanceof VarveError && error.code === "E_NOT_FOUND") return [];
        throw error;
      }
    });
  }

  /** Checks that the registry accepts the credential. @throws {VarveError} `E_DENIED`, `E_REGISTRY` */
  async ping(signal?: AbortSignal): Promise<void> {
    const { response } = await this.#transport.send(this.#own(), {
      method: "GET",
      path: "/",
      scope: "",
      action: `log in to ${this.config.registry}`,
      mustAuthenticate: true,
      signal,
    });
    await response.body?.cancel();
  }

  /**
   * Brings a blob into a repository, unless it is there already: mounts it from another repository,
   * or uploads it.
   *
   * @throws {VarveError} `E_REGISTRY`, `E_DENIED`; the error of the blob's stream
   */
  async uploadBlob(
    repository: string,
    upload: BlobUpload,
    signal?: AbortSignal,
  ): Promise<UploadOutcome> {
    return await uploadBlob(this.#uploadContext(repository, signal), upload);
  }

  /**
   * Pushes a manifest or an index, byte for byte, under `name`: a tag or its digest.
   *
   * @returns whether the registry lists it as a referrer of its subject; if not, call {@linkcode listReferrer}
   * @throws {VarveError} `E_REGISTRY`, `E_DENIED`, `E_DIGEST`
   */
  async putManifest(
    repository: string,
    bytes: Uint8Array,
    manifest: ManifestUpload,
    name: string,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const context = this.#uploadContext(repository, signal);
    return await putManifest(context, new Uint8Array(bytes), manifest, name);
  }

  /**
   * Adds a manifest to the index under the referrers tag of its subject. Call it when
   * {@linkcode putManifest} returned false for a manifest with a subject.
   *
   * @throws {VarveError} `E_REGISTRY`, `E_DENIED`; the error of a bad index when the tag does not
   * name an index
   */
  async listReferrer(
    repository: string,
    subject: Pick<Descriptor, "digest">,
    referrer: Descriptor,
    signal?: AbortSignal,
  ): Promise<void> {
    await addToReferrersTag(this.#uploadContext(repository, signal), subject, referrer);
  }

  #uploadContext(repository: string, signal: AbortSignal | undefined): UploadContext {
    // Use the first endpoint that takes pushes, as containerd does. A hosts file may list the registry
    // itself as a host too, for example in plain http, and that host then comes first.
    const [endpoint] = this.endpoints("push") as [Endpoint];
    return { transport: this.#transport, endpoint, repository, signal };
  }

  /**
   * The endpoints with a capability, in the configured order.
   *
   * @throws {VarveError} `E_PRECONDITION` when there is none
   */
  endpoints(capability: Capability): readonly Endpoint[] {
    return endpointsFor(this.config, capability);
  }

  #own(): Endpoint {
    return ownEndpointOf(this.config);
  }

  /** The name of a manifest for messages: `registry/repository:tag` or `registry/repository@digest`. */
  #shown(name: ManifestName): string {
    const separator = name.digest === undefined ? ":" : "@";
    return `${this.config.registry}/${name.repository}${separator}${referenceOf(name)}`;
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    for (const client of this.#made.values()) client[Symbol.dispose]();
    if (this.#given instanceof Transport) this.#given[Symbol.dispose]();
  }
}
