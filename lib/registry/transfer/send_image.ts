import type { Digest } from "../../digest/mod.ts";
import type { ImagePlan, PlannedDocument } from "../../image/internal.ts";
import { type Descriptor, formatReference, type Reference } from "../../oci/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { referrerOf } from "../client/list/referrers_tag.ts";
import type { BlobUpload, UploadOutcome } from "../client/upload/upload_blob.ts";

/** How far the push of one blob is. */
export interface PushProgress {
  /** The blob. */
  readonly blob: Digest;
  /** Its bytes. */
  readonly total: number;
  /** Bytes sent. */
  readonly sent: number;
  /** Begun, running, or how it came to be there. */
  readonly state: "begin" | "running" | UploadOutcome;
}

/** Options of {@linkcode pushImage} and {@linkcode copyImage}. */
export interface PushOptions {
  /** Blobs that are sent at once; 4 when absent. */
  readonly concurrency?: number | undefined;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Called often, for each blob. */
  readonly onProgress?: ((progress: PushProgress) => void) | undefined;
  /** Called for what is left out. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** What a push did. */
export interface PushedImage {
  /** Its name in the registry. */
  readonly name: string;
  /** Digest of the manifest or index: the one at the source. */
  readonly digest: Digest;
  /** Each blob, and how it came to be there. */
  readonly blobs: readonly {
    /** The blob. */
    readonly digest: Digest;
    /** Its bytes. */
    readonly size: number;
    /** How it came to be there. */
    readonly outcome: UploadOutcome;
  }[];
}

/** Blobs that are sent at once. */
const CONCURRENCY = 4;

/** Where blobs come from. */
export interface BlobSource {
  /** How a blob is brought. */
  readonly upload: (
    blob: Descriptor,
    signal: AbortSignal,
  ) => Pick<BlobUpload, "open" | "mountFrom">;
}

/**
 * Sends an image to a registry: its blobs, each once, then its manifests byte for byte, then its
 * indexes, and last the one with the name. So nobody ever sees an image that is not whole. What
 * refers to another manifest is then listed under it, where the registry does not do that.
 */
export async function sendImage(
  plan: ImagePlan,
  source: BlobSource,
  client: RegistryClient,
  destination: Reference,
  options: PushOptions,
): Promise<PushedImage> {
  const { repository } = destination;
  const { onProgress, signal } = options;
  const limit = Math.max(1, options.concurrency ?? CONCURRENCY);
  const unlisted: { readonly subject: Descriptor; readonly referrer: Descriptor }[] = [];
  const put = async (
    { digest, document }: PlannedDocument,
    name: string,
    signal: AbortSignal | undefined,
  ) => {
    const { raw, mediaType, subject } = document;
    const layers = document.kind === "manifest" ? document.layers : [];
    const layersSize = layers.reduce((sum, { size }) => sum + size, 0);
    const manifest = { digest, mediaType, layersSize };
    const listed = await client.putManifest(repository, raw, manifest, name, signal);
    if (subject === undefined || listed) return;
    unlisted.push({ subject, referrer: referrerOf(digest, document) });
  };

  const blobs = await boundedParallel(plan.blobs, async (blob, signal) => {
    const { digest, size } = blob;
    const at = { blob: digest, total: size };
    onProgress?.({ ...at, sent: 0, state: "begin" });
    const outcome = await client.uploadBlob(repository, {
      blob,
      ...source.upload(blob, signal),
      onProgress: (sent) => onProgress?.({ ...at, sent, state: "running" }),
    }, signal);
    onProgress?.({ ...at, sent: size, state: outcome });
    return { digest, size, outcome };
  }, { limit, signal });
  const children = plan.documents.slice(0, -1);
  const manifests = children.filter(({ document }) => document.kind === "manifest");
  await boundedParallel(manifests, (one, signal) => put(one, one.digest, signal), {
    limit,
    signal,
  });
  for (const one of children) {
    if (one.document.kind === "index") await put(one, one.digest, signal);
  }
  const named = plan.documents.at(-1) as PlannedDocument;
  await put(named, destination.tag ?? named.digest, signal);
  // One after the other: each changes the whole list.
  for (const { subject, referrer } of unlisted) {
    await client.listReferrer(repository, subject, referrer, signal);
  }
  return { name: formatReference(destination), digest: named.digest, blobs };
}
