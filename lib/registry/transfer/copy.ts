import { type Digest, Verifier } from "../../digest/mod.ts";
import {
  type BlobSource,
  type PlannedImage,
  planSelected,
  type SelectedPlanOptions,
} from "../../image/internal.ts";
import {
  type Descriptor,
  formatReference,
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
export interface Side {
  readonly client: RegistryClient;
  readonly reference: Reference;
}

async function copy(source: Side, destination: Side, options: CopyOptions): Promise<PushedImage> {
  const image = await planRemote(source, { ...options, platforms: [] });
  return await sendRemote(image, source.reference, destination, options);
}

/** Options of {@linkcode planRemote}. */
export interface RemotePlanOptions
  extends
    Pick<CopyOptions, "ociLimits" | "signal" | "onWarning">,
    Pick<SelectedPlanOptions, "platforms"> {}

/**
 * Plans an image of a registry, or some of its platforms: reads its documents. Its blobs are streamed, verified.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_MISSING`, `E_DENIED`, `E_REGISTRY`, `E_PLATFORM`, `E_LIMIT`
 */
export async function planRemote(
  { client, reference }: Side,
  { signal, platforms, onWarning, ociLimits: given }: RemotePlanOptions,
): Promise<PlannedImage> {
  const { repository } = reference;
  const limits = ociLimits(given);
  const maxBytes = Math.max(limits.manifest, limits.index);
  const { bytes, digest, contentType } = await client.manifest(reference, { signal, maxBytes });
  return await planSelected({ digest, document: parseDocument(bytes, { contentType, limits }) }, {
    label: formatReference(reference),
    platforms,
    limits,
    read: async ({ digest, mediaType }) => {
      const name = { repository, digest };
      const child = await client.manifest(name, { signal, maxBytes }).catch(throwMissing);
      return parseDocument(child.bytes, { mediaType, limits });
    },
    blobs: verifiedBlobs(client, repository),
    config: (blob) => client.smallBlob(repository, blob, limits.config, signal),
    distributable: { warn: (message) => onWarning?.(message) },
  });
}

/**
 * Sends a planned image to a registry.
 *
 * @param from the name of the image in the registry that it comes from, if it comes from one. If both names are in the
 *   same registry, blobs are mounted from the source's repository
 */
export async function sendRemote(
  { plan, blobs }: PlannedImage,
  from: Pick<Reference, "registry" | "repository"> | undefined,
  { client, reference }: Side,
  options: TransferOptions,
): Promise<PushedImage> {
  const isMountable = from?.registry === reference.registry &&
    from.repository !== reference.repository;
  const sink = registrySink({
    ...options,
    client,
    destination: reference,
    mountFrom: () => isMountable ? [from.repository] : [],
  });
  return await sink.send(plan, blobs);
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
