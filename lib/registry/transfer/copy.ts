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
import { type ClientChoice, withClient } from "./client_for.ts";
import { remoteReference } from "./remote_reference.ts";
import { throwMissing } from "./registry_source.ts";
import { type PushedImage, registrySink, type TransferOptions } from "./registry_sink.ts";

/** One side of a copy. */
export interface CopySide extends ClientChoice {
  /** Name of the image in its registry. */
  readonly reference: string | Reference;
}

/** Options of {@linkcode copyImage}. */
export interface CopyOptions extends TransferOptions {
  /** Limits for manifests and indexes that differ from the defaults. */
  readonly ociLimits?: Partial<OciLimits> | undefined;
}

/**
 * Copies an image, with all platforms of an index, from registry to registry without a store.
 *
 * Blobs are streamed through memory and verified on the way. Manifests are copied byte for byte,
 * and the named document last. If both names are in the same registry, blobs are mounted from the
 * source's repository. For a side that is given as a string, the registry is accessed anonymously.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_MISSING`, `E_DENIED`, `E_REGISTRY`, `E_DIGEST`, `E_SIZE`, `E_LIMIT`
 */
export async function copyImage(
  source: string | CopySide,
  destination: string | CopySide,
  options: CopyOptions = {},
): Promise<PushedImage> {
  const from = sideOf(source, "copy");
  const to = sideOf(destination, "copy to", from.reference);
  return await withClient(
    from,
    from.reference,
    (reader) =>
      withClient(to, to.reference, (writer) =>
        copy(
          { client: reader, reference: from.reference },
          { client: writer, reference: to.reference },
          options,
        )),
  );
}

function sideOf(
  side: string | CopySide,
  verb: string,
  sent?: Reference,
): ClientChoice & { readonly reference: Reference } {
  const { client, reference }: CopySide = typeof side === "string" ? { reference: side } : side;
  return {
    client,
    reference: typeof reference === "string" ? remoteReference(reference, verb, sent) : reference,
  };
}

/** One side of a copy, with its own client. */
interface Side {
  readonly client: RegistryClient;
  readonly reference: Reference;
}

async function copy(source: Side, destination: Side, options: CopyOptions): Promise<PushedImage> {
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
        const child = await client.manifest(name, { signal, maxBytes }).catch(throwMissing);
        return parseDocument(child.bytes, { mediaType, limits });
      },
      distributable: { warn: (message) => options.onWarning?.(message) },
    },
  );
  const to = destination.reference;
  const isSameRegistry = registry === to.registry && repository !== to.repository;
  const sink = registrySink({
    ...options,
    client: destination.client,
    destination: to,
    mountFrom: () => isSameRegistry ? [repository] : [],
  });
  return await sink.send(plan, verifiedBlobs(client, repository));
}

/**
 * The blobs of a repository. They can be opened at any byte. Every byte of a blob is verified
 * exactly once.
 */
function verifiedBlobs(client: RegistryClient, repository: string): BlobSource {
  const verifications = new Map<Digest, BlobVerification>();
  return {
    open(blob, from, signal) {
      let verification = verifications.get(blob.digest);
      if (verification === undefined) {
        verification = new BlobVerification(client, repository, blob);
        verifications.set(blob.digest, verification);
      }
      return Promise.resolve(ReadableStream.from(verification.read(from, signal)));
    },
  };
}

/** Verifies one blob over all attempts to send it. */
class BlobVerification {
  readonly #client: RegistryClient;
  readonly #repository: string;
  readonly #blob: Descriptor;
  readonly #verifier: Verifier;
  #isVerified = false;

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
      // Copy the chunk: the client reuses its buffer.
      yield new Uint8Array(chunk);
    }
    if (this.#isVerified) return;
    verifier.finish();
    this.#isVerified = true;
  }
}
