import { type Digest, Verifier } from "../../digest/mod.ts";
import { type BlobSource, planImage } from "../../image/internal.ts";
import {
  type Descriptor,
  type OciLimits,
  ociLimits,
  parseDocument,
  type Reference,
} from "../../oci/mod.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { inside } from "./registry_source.ts";
import { type PushedImage, type PushOptions, registrySink } from "./registry_sink.ts";

/** One side of a copy. */
export interface CopySide {
  /** Speaks to its registry. */
  readonly client: RegistryClient;
  /** The name there. */
  readonly reference: Reference;
}

/** Options of {@linkcode copyImage}. */
export interface CopyOptions extends PushOptions {
  /** Limits of manifests and indexes; the defaults when absent. */
  readonly ociLimits?: Partial<OciLimits> | undefined;
}

/**
 * Copies an image, with all platforms of an index, from registry to registry, without a store: blobs
 * pass through memory, proved on their way; manifests go out byte for byte, the one with the name last.
 *
 * In one registry blobs are mounted from the source's repository.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_MISSING`, `E_DENIED`, `E_REGISTRY`, `E_DIGEST`, `E_SIZE`, `E_LIMIT`
 */
export async function copyImage(
  source: CopySide,
  destination: CopySide,
  options: CopyOptions = {},
): Promise<PushedImage> {
  const { client, reference: { registry, repository } } = source;
  const { signal } = options;
  const limits = ociLimits(options.ociLimits);
  const maxBytes = Math.max(limits.manifest, limits.index);
  const fetched = await client.manifest(source.reference, { signal, maxBytes });
  const { bytes, digest, contentType } = fetched;
  const plan = await planImage(
    { digest, document: parseDocument(bytes, { contentType, limits }) },
    {
      limits,
      read: async ({ digest, mediaType }) => {
        const name = { repository, digest };
        const child = await client.manifest(name, { signal, maxBytes }).catch(inside);
        return parseDocument(child.bytes, { mediaType, limits });
      },
      distributable: { warn: (message) => options.onWarning?.(message) },
    },
  );
  const to = destination.reference;
  const together = registry === to.registry && repository !== to.repository;
  const sink = registrySink({
    ...options,
    client: destination.client,
    destination: to,
    mountFrom: () => together ? [repository] : [],
  });
  return await sink.send(plan, provedBlobs(client, repository));
}

/** The blobs of a repository, opened also in the middle; all bytes of a blob are proved, each once. */
function provedBlobs(client: RegistryClient, repository: string): BlobSource {
  const proofs = new Map<Digest, BlobProof>();
  return {
    open(blob, from, signal) {
      let proof = proofs.get(blob.digest);
      if (proof === undefined) {
        proof = new BlobProof(client, repository, blob);
        proofs.set(blob.digest, proof);
      }
      return Promise.resolve(ReadableStream.from(proof.read(from, signal)));
    },
  };
}

/** Proves one blob over all attempts to send it. */
class BlobProof {
  readonly #client: RegistryClient;
  readonly #repository: string;
  readonly #blob: Descriptor;
  readonly #verifier: Verifier;
  #isProved = false;

  constructor(client: RegistryClient, repository: string, blob: Descriptor) {
    this.#client = client;
    this.#repository = repository;
    this.#blob = blob;
    this.#verifier = new Verifier(blob);
  }

  async *read(from: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const verifier = this.#verifier;
    let at = from;
    for await (const chunk of this.#client.blob(this.#repository, this.#blob, signal, from)) {
      const known = Math.min(Math.max(0, verifier.size - at), chunk.length);
      if (known < chunk.length) verifier.update(chunk.subarray(known));
      at += chunk.length;
      // A chunk of a blob is only lent.
      yield new Uint8Array(chunk);
    }
    if (this.#isProved) return;
    verifier.finish();
    this.#isProved = true;
  }
}
