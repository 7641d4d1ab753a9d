import { VarveError } from "../../../errors.ts";
import type { Descriptor } from "../../../oci/mod.ts";
import { type Answer, NetworkFailure } from "../../http/exchange.ts";
import { pause } from "../../http/retry.ts";
import { patienceFor, pushScope, refuseOther, type UploadContext } from "./upload_context.ts";
import { uploadAction, type UploadBytes, UploadSession } from "./upload_session.ts";

/** A blob to upload. */
export interface BlobUpload {
  /** Which, and how long. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** Its bytes from an offset on; asked for again for another try. */
  readonly open: (from: number) => Promise<ReadableStream<Uint8Array>>;
  /** Repositories of the same registry that may have it. */
  readonly mountFrom?: readonly string[] | undefined;
  /** Called with the bytes that were sent so far. */
  readonly onProgress?: ((sent: number) => void) | undefined;
}

/** A manifest or an index to put. */
export interface ManifestUpload extends Pick<Descriptor, "digest" | "mediaType"> {
  /** Bytes of its layers: a registry may read or unpack them all before it answers. */
  readonly layersSize?: number | undefined;
}

/** How a blob came to be there. */
export type UploadOutcome = "present" | "mounted" | "uploaded";

/** Tries in all, however little each brings. */
const MAX_TRIES = 10_000;

/**
 * Brings a blob into a repository: nothing to do where it is there, else mounted from another
 * repository, else uploaded, as where a mount is refused, however that is said. An upload that breaks
 * goes on where the registry says that it is, or begins again where the registry has lost it.
 *
 * @throws {VarveError} `E_REGISTRY`, `E_DENIED`; whatever its stream fails with
 */
export async function uploadBlob(
  context: UploadContext,
  upload: BlobUpload,
): Promise<UploadOutcome> {
  if (await hasBlob(context, upload.blob)) return "present";
  for (const from of upload.mountFrom ?? []) {
    const begun = await mount(context, upload, from);
    // Who cannot mount begins an upload.
    if (begun?.response.status === 202) return await send(context, upload, begun);
    // Some say it is there when it is not.
    if (begun !== undefined && await hasBlob(context, upload.blob)) return "mounted";
  }
  return await send(context, upload, await begin(context, upload));
}

/** Sends the bytes, in as many tries as it takes while they bring it further. */
async function send(
  context: UploadContext,
  upload: UploadBytes,
  begun: Answer,
): Promise<"uploaded"> {
  const { attempts, backoff } = context.transport.config;
  const inChunks = async (failed: number) =>
    new UploadSession(context, upload, await begin(context, upload), failed);
  let session = new UploadSession(context, upload, begun, 0);
  let furthest = 0;
  for (let tries = 1, barren = 1;; tries++, barren++) {
    try {
      if (tries > 1 && !await session.recover()) {
        // The answer may be what was lost.
        if (await hasBlob(context, upload.blob)) return "uploaded";
        session = await inChunks(barren - 1);
      }
      if (!await session.send()) {
        session = await inChunks(1);
        await session.send();
      }
      return "uploaded";
    } catch (error) {
      if (!(error instanceof NetworkFailure) || tries >= MAX_TRIES) throw error;
      if (session.at > furthest) [furthest, barren] = [session.at, 0];
      else if (barren >= attempts) throw error;
      await pause(backoff * 2 ** Math.max(0, barren - 1), context.signal, error.wait);
    }
  }
}

/** Whether the repository has a blob. */
export async function hasBlob(
  { transport, endpoint, repository, signal }: UploadContext,
  { digest }: Pick<Descriptor, "digest">,
): Promise<boolean> {
  const { response } = await transport.send(endpoint, {
    method: "HEAD",
    path: `/${repository}/blobs/${digest}`,
    scope: pushScope(repository),
    accept: [200, 404],
    action: `look for blob ${digest} at ${endpoint.origin}`,
    signal,
  });
  await response.body?.cancel();
  return response.status === 200;
}

/**
 * Puts a manifest or an index, byte for byte.
 *
 * @returns whether the registry itself lists it under its subject (distribution-spec, "Pushing Manifests with Subject")
 * @throws {VarveError} `E_DIGEST` when the registry says it got another one
 */
export async function putManifest(
  { transport, endpoint, repository, signal }: UploadContext,
  bytes: Uint8Array<ArrayBuffer>,
  { digest, mediaType, layersSize = 0 }: ManifestUpload,
  name: string,
): Promise<boolean> {
  const action = `push manifest ${repository}:${name} to ${endpoint.origin}`;
  const { response } = await transport.send(endpoint, {
    method: "PUT",
    path: `/${repository}/manifests/${name}`,
    headers: { "content-type": mediaType },
    body: bytes,
    patience: patienceFor(layersSize),
    scope: pushScope(repository),
    accept: [200, 201, 202],
    action,
    signal,
  });
  await response.body?.cancel();
  refuseOther(response, digest, action);
  return response.headers.has("oci-subject");
}

/** Mounts (201), or begins an upload (202); `undefined` where the registry or its token server wants neither. */
async function mount(
  context: UploadContext,
  upload: UploadBytes,
  from: string,
): Promise<Answer | undefined> {
  try {
    return await begin(context, upload, from);
  } catch (error) {
    context.signal?.throwIfAborted();
    if (!(error instanceof VarveError)) throw error;
    return undefined;
  }
}

/** Begins an upload, which with another repository to read from may end at once. */
async function begin(
  context: UploadContext,
  upload: UploadBytes,
  from?: string,
): Promise<Answer> {
  const { transport, endpoint, repository, signal } = context;
  const query = from === undefined
    ? ""
    : `?${new URLSearchParams({ mount: upload.blob.digest, from })}`;
  const answer = await transport.send(endpoint, {
    method: "POST",
    path: `/${repository}/blobs/uploads/${query}`,
    body: new Uint8Array(0),
    scope: pushScope(repository) + (from === undefined ? "" : ` repository:${from}:pull`),
    accept: from === undefined ? [202] : [201, 202],
    // A plain upload is nearer than another try.
    repeatable: from === undefined,
    action: uploadAction(context, upload),
    signal,
  });
  await answer.response.body?.cancel();
  return answer;
}
