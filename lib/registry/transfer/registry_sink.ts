import type { Digest } from "../../digest/mod.ts";
import type { BlobSource, ImageSink, PlannedDocument } from "../../image/internal.ts";
import { type Descriptor, formatReference, type Reference } from "../../oci/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { referrerOf } from "../client/list/referrers_tag.ts";
import type { UploadOutcome } from "../client/upload/upload_blob.ts";

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

/** Where a {@linkcode registrySink} sends images to. */
export interface RegistrySinkOptions extends PushOptions {
  readonly client: RegistryClient;
  /** The name there. */
  readonly destination: Reference;
  /** Repositories of the same registry that may hold a blob: it is mounted from there where the registry does that. */
  readonly mountFrom: (blob: Descriptor) => readonly string[];
}

/**
 * A registry as a sink: blobs are sent first, each once, then manifests byte for byte, then indexes, and
 * last the one with the name. So nobody ever sees an image that is not whole. What refers to another
 * manifest is then listed under it, where the registry does not do that.
 */
export function registrySink(options: RegistrySinkOptions): ImageSink<PushedImage> {
  const limit = Math.max(1, options.concurrency ?? CONCURRENCY);
  const { client, destination, signal } = options;
  const { repository } = destination;
  return {
    async send(plan, source) {
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
      // One after the other: each changes the whole list.
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

/** A document with a subject, which the registry did not list under it. */
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
