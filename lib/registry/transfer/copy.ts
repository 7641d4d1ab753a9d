import { Verifier } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { planImage } from "../../image/internal.ts";
import {
  type Descriptor,
  type OciLimits,
  ociLimits,
  parseDocument,
  type Reference,
} from "../../oci/mod.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { type PushedImage, type PushOptions, sendImage } from "./send_image.ts";

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
  const { signal, onWarning = () => {} } = options;
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
      warn: onWarning,
    },
  );
  const to = destination.reference;
  const together = registry === to.registry && repository !== to.repository;
  const upload = (blob: Descriptor, signal: AbortSignal) => ({
    open: provedSource(client, repository, blob, signal),
    mountFrom: together ? [repository] : [],
  });
  return await sendImage(plan, { upload }, destination.client, to, options);
}

/** Opens a blob at its source, also in the middle; all of its bytes are proved, each once. */
function provedSource(
  client: RegistryClient,
  repository: string,
  blob: Descriptor,
  signal: AbortSignal,
): (from: number) => Promise<ReadableStream<Uint8Array>> {
  const verifier = new Verifier(blob);
  let proved = false;
  async function* read(from: number): AsyncGenerator<Uint8Array> {
    let at = from;
    for await (const chunk of client.blob(repository, blob, signal, from)) {
      const known = Math.min(Math.max(0, verifier.size - at), chunk.length);
      if (known < chunk.length) verifier.update(chunk.subarray(known));
      at += chunk.length;
      // Those of a blob are only lent.
      yield new Uint8Array(chunk);
    }
    if (proved) return;
    verifier.finish();
    proved = true;
  }
  return (from) => Promise.resolve(ReadableStream.from(read(from)));
}

/** What is missing inside an image is bad data. */
function inside(error: unknown): never {
  if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
  throw new VarveError("E_MISSING", error.message, error.details);
}
