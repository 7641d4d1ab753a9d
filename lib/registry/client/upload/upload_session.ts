import { splitPieces } from "../../../codec/compress/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Descriptor } from "../../../oci/mod.ts";
import { locationOf } from "../../http/location.ts";
import { NetworkFailure, registryError } from "../../http/registry_error.ts";
import type { HttpResponse } from "../../http/send_request.ts";
import type { EndpointRequest } from "../transport.ts";
import { uploadBody } from "./upload_body.ts";
import {
  checkDigestHeader,
  processingTime,
  pushScope,
  type UploadContext,
} from "./upload_context.ts";

/** Maximum size in bytes of a blob that is sent in one request. */
const SINGLE_REQUEST_BYTES = 1024 ** 2;
/**
 * Size of a chunk in bytes, unless the registry asks for larger chunks. Halved after each try
 * without progress, except the first.
 */
const CHUNK_BYTES = 16 * 1024 ** 2;
/**
 * Maximum size of a chunk in bytes, because chunks are held in memory. A registry that asks for
 * larger chunks gets a single stream.
 */
const MAX_CHUNK_BYTES = 64 * 1024 ** 2;
/**
 * Statuses with which registries and their proxies refuse a body without a length, or a long body.
 */
const REFUSES_STREAM = [400, 405, 411, 413, 416, 501];
/** Status for a chunk that is too large. A smaller chunk may be accepted. */
const TOO_LARGE = 413;
/** Statuses for an upload that the registry does not know, or whose offset differs. */
const OUT_OF_STEP = [404, 416];

/** The bytes to upload. */
export interface UploadBytes {
  /** Digest of the blob, and its size in bytes. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** Opens the bytes from an offset on. */
  readonly open: (from: number) => Promise<ReadableStream<Uint8Array>>;
  /** Called with the number of bytes that were sent so far. */
  readonly onProgress?: ((sent: number) => void) | undefined;
}

/**
 * One upload of a blob that a registry has begun (distribution-spec, "Pushing blobs").
 *
 * A small blob is sent in one PUT, with its length. A larger blob is sent in one streamed PATCH, as
 * docker and skopeo do; `fetch` cannot send a stream with a length. If the registry names a chunk
 * size, refuses the stream or breaks the connection, the blob is sent in chunks, each with its
 * length and range.
 */
export class UploadSession {
  readonly #context: UploadContext;
  readonly #bytes: UploadBytes;
  readonly #action: string;
  #location: URL;
  /**
   * Bytes of a chunk; `undefined` when the registry wants chunks that are too large to hold in
   * memory.
   */
  readonly #chunkSize: number | undefined;
  #isChunked: boolean;
  /** Number of bytes that the registry has confirmed. */
  #at = 0;
  /** Number of bytes that were sent. The registry may have them. */
  #sent = 0;

  /**
   * `begun` is the response that began the upload. `failed` is the number of earlier tries without
   * progress.
   */
  constructor(
    context: UploadContext,
    bytes: UploadBytes,
    { response, url }: HttpResponse,
    failed: number,
  ) {
    this.#context = context;
    this.#bytes = bytes;
    this.#action = uploadAction(context, bytes);
    this.#location = this.#locationOf({ response, url });
    const least = Number(
      /^[0-9]{1,15}$/.exec(response.headers.get("oci-chunk-min-length") ?? "")?.[0] ?? 0,
    );
    const length = Math.max(
      SINGLE_REQUEST_BYTES,
      CHUNK_BYTES / 2 ** Math.max(0, failed - 1),
      least,
    );
    this.#chunkSize = length > MAX_CHUNK_BYTES ? undefined : length;
    this.#isChunked = failed > 0 || least > 0;
  }

  /** Number of bytes that the registry has confirmed. */
  get at(): number {
    return this.#at;
  }

  /**
   * Sends the bytes that the registry does not have yet, and closes the upload.
   *
   * @returns whether the upload is complete; false when the registry does not accept a stream
   * @throws {VarveError} `E_REGISTRY`, a {@linkcode NetworkFailure} when {@linkcode recover} may
   * help; the error of the blob's stream
   */
  async send(): Promise<boolean> {
    const { blob: { size }, open } = this.#bytes;
    if (size <= SINGLE_REQUEST_BYTES && this.#at === 0) {
      await this.#close(size === 0 ? new Uint8Array(0) : await readBlob(await open(0), size));
      return true;
    }
    while (this.#at < size) {
      const before = this.#at;
      if (this.#isChunked && this.#chunkSize !== undefined) await this.#sendChunks(this.#chunkSize);
      else if (!await this.#sendStream()) return false;
      if (this.#at <= before) {
        throw new NetworkFailure(this.#action, "the registry keeps none of the bytes");
      }
    }
    await this.#close(new Uint8Array(0));
    return true;
  }

  /**
   * Asks the registry how many bytes it has, to resume from there.
   *
   * @returns false when the registry lost the upload or names no offset; the upload must then start
   * again
   */
  async recover(): Promise<boolean> {
    const { transport, endpoint } = this.#context;
    let answer: HttpResponse;
    try {
      answer = await transport.send(
        endpoint,
        this.#request({ method: "GET", acceptStatus: [200, 202, 204] }),
      );
    } catch (error) {
      if (!(error instanceof VarveError) || error.code === "E_DENIED") throw error;
      return false;
    }
    await answer.response.body?.cancel();
    const end = endOf(answer.response);
    // `0-0` means one byte, but some registries send it when they have no bytes.
    if (end === undefined || end === 0 || end >= this.#sent) return false;
    if (answer.response.headers.has("location")) this.#location = this.#locationOf(answer);
    this.#at = end + 1;
    this.#isChunked = true;
    return true;
  }

  /** Sends the rest in one request. Returns false when the registry refuses a stream. */
  async #sendStream(): Promise<boolean> {
    const from = this.#at;
    const { size } = this.#bytes.blob;
    const sourceErrors: unknown[] = [];
    const answer = await this.#send({
      method: "PATCH",
      headers: from === 0 ? {} : { "content-range": `${from}-${size - 1}` },
      body: () =>
        uploadBody({
          open: () => this.#bytes.open(from),
          onProgress: (taken) => {
            this.#sent = Math.max(this.#sent, from + taken);
            this.#bytes.onProgress?.(from + taken);
          },
          onError: (error) => sourceErrors.push(error),
        }),
      acceptStatus: [202, ...OUT_OF_STEP, ...REFUSES_STREAM],
    }).catch((error) => {
      // If the blob's own stream failed, throw its error.
      throw sourceErrors[0] ?? error;
    });
    if (!this.#isChunked && REFUSES_STREAM.includes(answer.response.status)) return false;
    this.#update(answer, this.#sent);
    return true;
  }

  /**
   * Sends the rest in chunks. Stops after the first chunk that the registry did not take
   * completely.
   */
  async #sendChunks(length: number): Promise<void> {
    const { blob: { digest, size }, open, onProgress } = this.#bytes;
    for await (const bytes of splitPieces(await open(this.#at), length)) {
      const from = this.#at;
      const end = from + bytes.length;
      this.#sent = Math.max(this.#sent, end);
      const answer = await this.#send({
        method: "PATCH",
        headers: { "content-range": `${from}-${end - 1}` },
        body: bytes,
        ownConnection: true,
        acceptStatus: [202, TOO_LARGE, ...OUT_OF_STEP],
      });
      this.#update(answer, end);
      onProgress?.(this.#at);
      if (this.#at !== end) return;
    }
    if (this.#at === size) return;
    throw new VarveError(
      "E_SIZE",
      `Cannot ${this.#action}: its bytes end after ${this.#at} of ${size}`,
      { expected: size, actual: this.#at, subject: digest },
    );
  }

  /** Closes the upload with its digest. */
  async #close(body: Uint8Array<ArrayBuffer>): Promise<void> {
    const { digest, size } = this.#bytes.blob;
    const path = new URL(this.#location);
    path.searchParams.set("digest", digest);
    const answer = await this.#send({
      method: "PUT",
      path,
      body,
      extraTime: processingTime(size),
      acceptStatus: [201, ...OUT_OF_STEP],
    });
    if (answer.response.status !== 201) this.#update(answer, this.#at);
    checkDigestHeader(answer.response, digest, this.#action);
  }

  /**
   * Reads the location and the offset from an answer. If the answer names no offset, the offset is
   * `sent`.
   */
  #update(answer: HttpResponse, sent: number): void {
    const { status, headers } = answer.response;
    if (status !== 202) {
      if (headers.has("location")) this.#location = this.#locationOf(answer);
      const state = status === TOO_LARGE ? "the chunk is too large" : "the upload is lost";
      const said = `the registry answers ${status}: ${state}`;
      throw new NetworkFailure(this.#action, said, 0, { status });
    }
    this.#location = this.#locationOf(answer);
    const end = endOf(answer.response);
    this.#at = end === undefined ? sent : end === 0 && sent > 1 ? 0 : Math.min(sent, end + 1);
  }

  async #send(
    request: Partial<EndpointRequest> & Pick<EndpointRequest, "method" | "acceptStatus">,
  ): Promise<HttpResponse> {
    const { transport, endpoint } = this.#context;
    const headers = { "content-type": "application/octet-stream", ...request.headers };
    // Do not retry here, because the upload may then be at another offset.
    const once = this.#request({ ...request, headers, retryable: false });
    const answer = await transport.send(endpoint, once);
    await answer.response.body?.cancel();
    return answer;
  }

  #request(request: Partial<EndpointRequest> & Pick<EndpointRequest, "method">): EndpointRequest {
    const { repository, signal } = this.#context;
    const scope = pushScope(repository);
    return { path: this.#location, scope, action: this.#action, signal, ...request };
  }

  /** The address of the upload, which must be at the endpoint's own origin. */
  #locationOf({ response, url }: HttpResponse): URL {
    const location = locationOf(response, url, this.#action);
    if (location.origin === this.#context.endpoint.origin) return location;
    throw registryError(this.#action, `its upload leads to ${location.origin}`);
  }
}

/** The purpose of an upload, for messages. */
export function uploadAction(
  { endpoint, repository }: UploadContext,
  { blob }: Pick<UploadBytes, "blob">,
): string {
  return `push blob ${blob.digest} to ${endpoint.origin}/${repository}`;
}

/** The offset of the last byte that a `Range` header names: `0-41`, or `bytes=0-41` from some registries. */
function endOf(response: Response): number | undefined {
  const text = response.headers.get("range")?.trim() ?? "";
  const match = /^(?:bytes[= ])?[0-9]{1,15}-([0-9]{1,15})$/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

/** All bytes of a small blob. */
async function readBlob(
  stream: ReadableStream<Uint8Array>,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // Ask for one more byte, so that the stream reaches its end, where its digest is checked.
  for await (const bytes of splitPieces(stream, size + 1)) return bytes;
  return new Uint8Array(0);
}
