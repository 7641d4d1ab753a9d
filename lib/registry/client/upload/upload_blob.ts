import { VarveError } from "../../../errors.ts";
import type { Descriptor } from "../../../oci/mod.ts";
import { NetworkFailure } from "../../http/registry_error.ts";
import { waitBeforeRetry } from "../../http/retry.ts";
import type { HttpResponse } from "../../http/send_request.ts";
import { pushScope, type UploadContext } from "./upload_context.ts";
import { uploadAction, type UploadBytes, UploadSession } from "./upload_session.ts";

/** A blob to upload. */
export interface BlobUpload {
  /** Digest of the blob, and its size in bytes. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** Opens the bytes from an offset on; called again for each retry. */
  readonly open: (from: number) => Promise<ReadableStream<Uint8Array>>;
  /**
   * Repositories of the same registry that may hold the blob. The registry is asked to mount it
   * from there.
   */
  readonly mountFrom?: readonly string[] | undefined;
  /** Called with the number of bytes that were sent so far. */
  readonly onProgress?: ((sent: number) => void) | undefined;
}

/**
 * How a blob came into the repository: it was there already, was mounted from another repository,
 * or was uploaded.
 */
export type UploadOutcome = "present" | "mounted" | "uploaded";

/** Maximum number of tries of one upload, however little progress each makes. */
const MAX_TRIES = 10_000;

/**
 * Brings a blob into a repository. Does nothing if it is there already. Otherwise tries to mount it
 * from another repository. If a mount fails with any error, uploads it. A broken upload resumes at
 * the offset that the registry names, or starts again if the registry lost it.
 *
 * @throws {VarveError} `E_REGISTRY`, `E_DENIED`; the error of the blob's stream
 */
export async function uploadBlob(
  context: UploadContext,
  upload: BlobUpload,
): Promise<UploadOutcome> {
  if (await hasBlob(context, upload.blob)) return "present";
  for (const from of upload.mountFrom ?? []) {
    const answer = await mount(context, upload, from);
    // 202: the registry did not mount, and began an upload instead.
    if (answer?.response.status === 202) return await send(context, upload, answer);
    // Some registries answer 201 although they did not mount.
    if (answer !== undefined && await hasBlob(context, upload.blob)) return "mounted";
  }
  return await send(context, upload, await begin(context, upload));
}

/** Sends the bytes. Retries as long as the tries make progress. */
async function send(
  context: UploadContext,
  upload: UploadBytes,
  begun: HttpResponse,
): Promise<"uploaded"> {
  const { attempts, backoff } = context.transport.config;
  const restart = async (failed: number) =>
    new UploadSession(context, upload, await begin(context, upload), failed);
  let session = new UploadSession(context, upload, begun, 0);
  let furthest = 0;
  // `stalled` counts the tries since the last progress.
  for (let tries = 1, stalled = 1;; tries++, stalled++) {
    try {
      if (tries > 1 && !await session.recover()) {
        // The upload may have succeeded, so that only its answer was lost.
        if (await hasBlob(context, upload.blob)) return "uploaded";
        session = await restart(stalled - 1);
      }
      if (!await session.send()) {
        session = await restart(1);
        await session.send();
      }
      return "uploaded";
    } catch (error) {
      if (!(error instanceof NetworkFailure) || tries >= MAX_TRIES) throw error;
      if (session.at > furthest) [furthest, stalled] = [session.at, 0];
      else if (stalled >= attempts) throw error;
      const delay = backoff * 2 ** Math.max(0, stalled - 1);
      await waitBeforeRetry(delay, context.signal, error.wait);
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
    acceptStatus: [200, 404],
    action: `look for blob ${digest} at ${endpoint.origin}`,
    signal,
  });
  await response.body?.cancel();
  return response.status === 200;
}

/**
 * Asks for a mount. 201 means that it is done, 202 that an upload begins. Returns `undefined` when
 * the registry or its token server refuses.
 */
async function mount(
  context: UploadContext,
  upload: UploadBytes,
  from: string,
): Promise<HttpResponse | undefined> {
  try {
    return await begin(context, upload, from);
  } catch (error) {
    context.signal?.throwIfAborted();
    if (!(error instanceof VarveError)) throw error;
    return undefined;
  }
}

/** Begins an upload. With `from`, asks to mount the blob from that repository instead. */
async function begin(
  context: UploadContext,
  upload: UploadBytes,
  from?: string,
): Promise<HttpResponse> {
  const { transport, endpoint, repository, signal } = context;
  const isMount = from !== undefined;
  const query = isMount ? `?${new URLSearchParams({ mount: upload.blob.digest, from })}` : "";
  const answer = await transport.send(endpoint, {
    method: "POST",
    path: `/${repository}/blobs/uploads/${query}`,
    body: new Uint8Array(0),
    scope: pushScope(repository) + (isMount ? ` repository:${from}:pull` : ""),
    acceptStatus: isMount ? [201, 202] : [202],
    // If a mount fails, fall back to an upload instead of retrying.
    retryable: !isMount,
    action: uploadAction(context, upload),
    signal,
  });
  await answer.response.body?.cancel();
  return answer;
}
