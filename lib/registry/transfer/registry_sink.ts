import type { Digest } from "../../digest/mod.ts";
import type { BlobSource, ImageSink, PlannedDocument } from "../../image/internal.ts";
import { type Descriptor, formatReference, type Reference } from "../../oci/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { referrerOf } from "../client/list/referrers_tag.ts";
import type { UploadOutcome } from "../client/upload/upload_blob.ts";

/** Progress of the push of one blob. */
export interface PushProgress {
  /** Digest of the blob. */
  readonly blob: Digest;
  /** Size of the blob in bytes. */
  readonly total: number;
  /** Number of bytes sent so far. */
  readonly sent: number;
  /**
   * State of the blob. At first it is `"waiting"` for all blobs. When the turn of a blob comes, its state is `"begin"`,
   * then `"running"` while its bytes are sent, and last the outcome.
   */
  readonly state: "waiting" | "begin" | "running" | UploadOutcome;
}

/** Options of `pushImage` and `copyImage`. */
export interface TransferOptions {
  /** Number of blobs to send at the same time; 4 when absent. */
  readonly concurrency?: number | undefined;
  /** Aborts the push or copy. */
  readonly signal?: AbortSignal | undefined;
  /** Called often, with the progress of each blob. */
  readonly onProgress?: ((progress: PushProgress) => void) | undefined;
  /** Called with a message about each part of the image that is left out. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** The result of a push or copy. */
export interface PushedImage {
  /** Full name of the image in the registry. */
  readonly name: string;
  /** Digest of the manifest or index, the same as at the source. */
  readonly digest: Digest;
  /** All blobs of the image. */
  readonly blobs: readonly {
    /** Digest of the blob. */
    readonly digest: Digest;
    /** Size of the blob in bytes. */
    readonly size: number;
    /** Whether it was uploaded, mounted or already there. */
    readonly outcome: UploadOutcome;
  }[];
}

/** Default number of blobs that are sent at the same time. */
const CONCURRENCY = 4;

/** Options of {@linkcode registrySink}. */
export interface RegistrySinkOptions extends TransferOptions {
  /** Client of the registry that receives the image. */
  readonly client: RegistryClient;
  /** Name of the image in the registry. */
  readonly destination: Reference;
  /**
   * Repositories of the same registry that may have a blob. If the registry allows it, the blob is
   * mounted from there.
   */
  readonly mountFrom: (blob: Descriptor) => readonly string[];
}

/**
 * A sink that sends images to a registry: first the blobs, each once, then manifests byte for byte, then indexes, and
 * last the document with the name. So nobody ever sees an incomplete image. If the registry does not list referrers
 * itself, documents with a subject are then added to the referrers list of that subject.
 */
export function registrySink(options: RegistrySinkOptions): ImageSink<PushedImage> {
  const limit = Math.max(1, options.concurrency ?? CONCURRENCY);
  const { client, destination, signal } = options;
  const { repository } = destination;
  return {
    async send(plan, source) {
      for (const { digest: blob, size: total } of plan.blobs) {
        options.onProgress?.({ blob, total, sent: 0, state: "waiting" });
      }
      const blobs = await boundedParallel(
        plan.blobs,
        (blob, signal) => sendBlob(options, source, blob, signal),
        { limit, signal },
      );
      const unlisted: Unlisted[] = [];
      const put = async (one: PlannedDocument, name: string, signal: AbortSignal | undefined) => {
        const referrer = await putDocument(options, one, name, signal);
        if (referrer !== undefined) unlisted.push(referrer);
      };
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
      // One after the other, because each change rewrites the whole list.
      for (const { subject, referrer } of unlisted) {
        await client.listReferrer(repository, subject, referrer, signal);
      }
      return { name: formatReference(destination), digest: named.digest, blobs };
    },
  };
}

async function sendBlob(
  { client, destination: { repository }, mountFrom, onProgress }: RegistrySinkOptions,
  source: BlobSource,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<PushedImage["blobs"][number]> {
  const { digest, size } = blob;
  const at = { blob: digest, total: size };
  onProgress?.({ ...at, sent: 0, state: "begin" });
  const outcome = await client.uploadBlob(repository, {
    blob,
    open: (from) => source.open(blob, from, signal),
    mountFrom: mountFrom(blob),
    onProgress: (sent) => onProgress?.({ ...at, sent, state: "running" }),
  }, signal);
  onProgress?.({ ...at, sent: size, state: outcome });
  return { digest, size, outcome };
}

/** A document with a subject that the registry did not add to the referrers of the subject. */
interface Unlisted {
  readonly subject: Descriptor;
  readonly referrer: Descriptor;
}

async function putDocument(
  { client, destination: { repository } }: RegistrySinkOptions,
  { digest, document }: PlannedDocument,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Unlisted | undefined> {
  const { raw, mediaType, subject } = document;
  const layers = document.kind === "manifest" ? document.layers : [];
  const layersSize = layers.reduce((sum, { size }) => sum + size, 0);
  const manifest = { digest, mediaType, layersSize };
  const listed = await client.putManifest(repository, raw, manifest, name, signal);
  if (subject === undefined || listed) return undefined;
  return { subject, referrer: referrerOf(digest, document) };
}
