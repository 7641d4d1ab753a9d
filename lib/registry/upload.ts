import { VarveError } from "../errors.ts";
import { type Digest, isDigest } from "../digest/mod.ts";
import type { Descriptor } from "../oci/mod.ts";
import type { Endpoint } from "./contract.ts";
import { locationOf, NetworkFailure, type UploadBody } from "./exchange.ts";
import { registryError } from "./text.ts";
import { pause, type Request, type Transport } from "./transport.ts";

/** A blob to upload. */
export interface BlobUpload {
  /** Which, and how long. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** Its bytes; asked for again for another try. */
  readonly open: () => Promise<ReadableStream<Uint8Array>>;
  /** Repositories of the same registry that may have it. */
  readonly mountFrom?: readonly string[];
  /** Called with the bytes that were sent so far. */
  readonly onProgress?: (sent: number) => void;
}

/** How a blob came to be there. */
export type UploadOutcome = "present" | "mounted" | "uploaded";

/** What an upload works with. */
export interface UploadContext {
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  /** Repository, without the registry. */
  readonly repository: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings a blob into a repository: nothing to do where it is there, else mounted from another
 * repository, else uploaded in one request. An upload that breaks begins again.
 *
 * @throws {VarveError} `E_REGISTRY`, `E_DENIED`; whatever its stream fails with
 */
export async function uploadBlob(
  context: UploadContext,
  upload: BlobUpload,
): Promise<UploadOutcome> {
  if (await hasBlob(context, upload.blob)) return "present";
  const { attempts, backoff } = context.transport.config;
  for (const from of upload.mountFrom ?? []) {
    const { digest } = upload.blob;
    const begun = await begin(context, upload, { mount: digest, from });
    // Some say it is there when it is not.
    if (begun.mounted && await hasBlob(context, upload.blob)) return "mounted";
    if (begun.location === undefined) continue;
    await send(context, upload, begun.location);
    return "uploaded";
  }
  for (let attempt = 1;; attempt++) {
    try {
      const { location } = await begin(context, upload, {});
      if (location === undefined) throw registryError(actionOf(context, upload), "it begins none");
      await send(context, upload, location);
      return "uploaded";
    } catch (error) {
      if (!(error instanceof NetworkFailure) || attempt >= attempts) throw error;
    }
    await pause(backoff * 2 ** (attempt - 1), context.signal);
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

/** Puts a manifest or an index, byte for byte. @throws {VarveError} `E_DIGEST` when the registry says it got another one */
export async function putManifest(
  { transport, endpoint, repository, signal }: UploadContext,
  bytes: Uint8Array<ArrayBuffer>,
  { digest, mediaType }: Pick<Descriptor, "digest" | "mediaType">,
  name: string,
): Promise<void> {
  const action = `push manifest ${repository}:${name} to ${endpoint.origin}`;
  const { response } = await transport.send(endpoint, {
    method: "PUT",
    path: `/${repository}/manifests/${name}`,
    headers: { "content-type": mediaType },
    body: bytes,
    scope: pushScope(repository),
    accept: [200, 201, 202],
    action,
    signal,
  });
  await response.body?.cancel();
  refuseOther(response, digest, action);
}

interface Begun {
  readonly mounted: boolean;
  readonly location?: URL;
}

/** Begins an upload, or mounts. */
async function begin(
  context: UploadContext,
  upload: BlobUpload,
  query: Readonly<Record<string, string>>,
): Promise<Begun> {
  const { transport, endpoint, repository, signal } = context;
  const action = actionOf(context, upload);
  const search = new URLSearchParams(query).toString();
  const from = query["from"];
  const { response, url } = await transport.send(endpoint, {
    method: "POST",
    path: `/${repository}/blobs/uploads/${search === "" ? "" : `?${search}`}`,
    body: new Uint8Array(0),
    scope: pushScope(repository) + (from === undefined ? "" : ` repository:${from}:pull`),
    // Who may not read the other repository is told so in many ways.
    accept: from === undefined ? [202] : [201, 202, 401, 403, 404, 405],
    action,
    signal,
  });
  await response.body?.cancel();
  if (response.status === 201) return { mounted: true };
  if (response.status !== 202) return { mounted: false };
  const location = locationOf(response, url, action);
  if (location.origin !== endpoint.origin) {
    throw registryError(action, `its upload leads to ${location.origin}`);
  }
  return { mounted: false, location };
}

async function send(context: UploadContext, upload: BlobUpload, location: URL): Promise<void> {
  const { transport, endpoint, repository, signal } = context;
  const { blob: { digest, size }, onProgress } = upload;
  const action = actionOf(context, upload);
  const path = new URL(location);
  path.searchParams.set("digest", digest);
  const broken: unknown[] = [];
  const request: Request = {
    method: "PUT",
    path,
    headers: { "content-type": "application/octet-stream" },
    body: size === 0
      ? new Uint8Array(0)
      : () => uploadBody(upload.open, onProgress ?? (() => {}), (error) => broken.push(error)),
    scope: pushScope(repository),
    accept: [201],
    action,
    repeatable: false,
    signal,
  };
  const { response } = await transport.send(endpoint, request).catch((error) => {
    // It is the stream that failed, not the registry.
    throw broken[0] ?? error;
  });
  await response.body?.cancel();
  refuseOther(response, digest, action);
}

/** A body that can be stopped, and that counts. */
function uploadBody(
  open: BlobUpload["open"],
  onProgress: (sent: number) => void,
  onError: (error: unknown) => void,
): UploadBody {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let taken = 0;
  let ended = false;
  let stop: (reason: unknown) => void = () => {};
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      stop = (reason) => {
        if (ended) return;
        ended = true;
        controller.error(reason);
        void reader?.cancel(reason).catch(() => {});
      };
    },
    async pull(controller) {
      try {
        reader ??= (await open()).getReader();
        const { done, value } = await reader.read();
        // Stopped meanwhile; where that came before the reader was there, nobody closed it.
        if (ended) return await reader.cancel().catch(() => {});
        if (done) {
          ended = true;
          controller.close();
          return;
        }
        taken += value.length;
        onProgress(taken);
        controller.enqueue(value);
      } catch (error) {
        onError(error);
        stop(error);
      }
    },
    async cancel(reason) {
      ended = true;
      await reader?.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return { stream, stop: (reason) => stop(reason), taken: () => taken };
}

function refuseOther(response: Response, digest: Digest, action: string): void {
  const said = response.headers.get("docker-content-digest");
  if (
    said === null || said === digest || !isDigest(said) || said.slice(0, 6) !== digest.slice(0, 6)
  ) {
    return;
  }
  throw new VarveError("E_DIGEST", `Cannot ${action}: the registry says that it got another one`, {
    expected: digest,
    actual: said,
  });
}

function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

function actionOf({ endpoint, repository }: UploadContext, { blob }: BlobUpload): string {
  return `push blob ${blob.digest} to ${endpoint.origin}/${repository}`;
}
