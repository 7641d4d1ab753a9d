import { VarveError } from "../../errors.ts";
import type { DocumentSource, ImageIngest, ImageSource } from "../../image/internal.ts";
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  matchPlatform,
  type OciLimits,
  parseDocument,
  type Reference,
  selectManifest,
} from "../../oci/mod.ts";
import { hostPlatform, type Store } from "../../store/mod.ts";
import type { FetchedDocument } from "../client/fetch_manifest.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { NetworkLayers } from "./network_layers.ts";
import type { RegistrySourceOptions } from "./pull_options.ts";

/** A source for one image of a registry. From an index, it provides the manifest for the platform, with its layers, or all of them. */
export function registrySource(
  store: Store,
  client: RegistryClient,
  name: Reference,
  options: RegistrySourceOptions,
): ImageSource {
  return {
    label: formatReference(name),
    async images(ingest) {
      const { limits, signal } = ingest;
      const maxBytes = largest(limits);
      const fetched = await client.manifest(name, { signal, maxBytes });
      const { bytes, digest, contentType } = fetched;
      const { mediaType } = parseDocument(bytes, { contentType, limits });
      return [{
        kind: "described",
        names: [formatReference(name)],
        target: { mediaType, digest, size: bytes.length },
        documents: new RegistryDocuments({ store, client, name, options, ingest, fetched }),
      }];
    },
  };
}

/** Values that {@linkcode RegistryDocuments} needs. */
interface Pull {
  readonly store: Store;
  readonly client: RegistryClient;
  readonly name: Reference;
  readonly options: RegistrySourceOptions;
  readonly ingest: ImageIngest;
  /** The target, which was fetched by name. */
  readonly fetched: FetchedDocument;
}

/** Reads documents of one repository from the store, or from the registry if the store does not have them. */
class RegistryDocuments implements DocumentSource {
  readonly #pull: Pull;
  readonly #layers: NetworkLayers;

  constructor(pull: Pull) {
    const { client, name, options, ingest } = pull;
    this.#pull = pull;
    this.#layers = new NetworkLayers(client, name.repository, ingest, options);
  }

  async document(target: Descriptor, role: "index" | "manifest" | "config"): Promise<Uint8Array> {
    const { client, name: { repository }, ingest: { limits, signal }, fetched } = this.#pull;
    const { digest } = target;
    if (digest === fetched.digest) return fetched.bytes;
    const maxBytes = role === "config" ? limits.config : largest(limits);
    const stored = await this.#readStored(target, maxBytes);
    if (stored !== undefined) return stored;
    if (role === "config") return await client.smallBlob(repository, target, maxBytes, signal);
    const child = await client.manifest({ repository, digest }, { signal, maxBytes }).catch(
      throwMissing,
    );
    return child.bytes;
  }

  layer: DocumentSource["layer"] = (wanted) => Promise.resolve(this.#layers.content(wanted));

  children: DocumentSource["children"] = (index) => {
    const { platform, host, allPlatforms = false } = this.#pull.options;
    if (allPlatforms) return index.manifests;
    return [selectManifest(index, platform ?? host ?? hostPlatform())];
  };

  accept: DocumentSource["accept"] = (config) => {
    const { name, options: { platform } } = this.#pull;
    if (platform !== undefined && matchPlatform(platform, config.platform) < 0) {
      throw new VarveError(
        "E_PLATFORM",
        `Cannot pull ${formatReference(name)}: the image is for another platform`,
        { expected: formatPlatform(platform), actual: formatPlatform(config.platform) },
      );
    }
    this.#layers.expect(config.diffIds.length);
  };

  /**
   * Reads and verifies a document of the store. Returns `undefined` when it is absent or damaged,
   * so that it is fetched again.
   */
  async #readStored({ digest }: Descriptor, maxBytes: number): Promise<Uint8Array | undefined> {
    const { blobs } = this.#pull.store;
    if (blobs.stat(digest) === undefined) return undefined;
    return await blobs.read(digest, maxBytes).catch(() => undefined);
  }
}

function largest({ manifest, index }: OciLimits): number {
  return Math.max(manifest, index);
}

/** Turns `E_NOT_FOUND` for a part of an image into `E_MISSING`: the image is incomplete, not absent. */
export function throwMissing(error: unknown): never {
  if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
  throw new VarveError("E_MISSING", error.message, error.details);
}
