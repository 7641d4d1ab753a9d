import { splitPieces } from "../../../codec/compress/mod.ts";
import { VarveError } from "../../../errors.ts";
import type { Descriptor } from "../../../oci/mod.ts";
import { type Answer, locationOf, NetworkFailure } from "../../http/exchange.ts";
import { registryError } from "../../http/redact.ts";
import type { Request } from "../transport.ts";
import { uploadBody } from "./upload_body.ts";
import { patienceFor, pushScope, refuseOther, type UploadContext } from "./upload_context.ts";

/** Most bytes that are sent in one request with their length. */
const WHOLE_BYTES = 1024 ** 2;
/** Bytes of a chunk, unless the registry asks for more; halved for each try that brought nothing. */
const CHUNK_BYTES = 16 * 1024 ** 2;
/** Chunks are held in memory: whoever asks for longer ones gets all in one. */
const MAX_CHUNK_BYTES = 64 * 1024 ** 2;
/** Answers of registries, and of what stands before them, that take no body without length or none that long. */
const REFUSES_STREAM = [400, 405, 411, 413, 416, 501];
/** Answer of those for whom a shorter chunk may do. */
const TOO_LONG = 413;
/** Answers of an upload that is elsewhere than it was thought to be, or nowhere. */
const ASTRAY = [404, 416];

/** The bytes of an upload. */
export interface UploadBytes {
  /** Which blob, and how long. */
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** Its bytes from an offset on. */
  readonly open: (from: number) => Promise<ReadableStream<Uint8Array>>;
  /** Called with the bytes that were sent so far. */
  readonly onProgress?: ((sent: number) => void) | undefined;
}

/**
 * One upload of a blob, begun at a registry (distribution-spec, "Pushing blobs").
 *
 * A small blob goes in one PUT, with its length. A larger one goes in one streamed PATCH, as docker and
 * skopeo send it, without a length, which `fetch` cannot give; in chunks with their length and range
 * where the registry speaks of chunks, refused the stream, or where the connection broke.
 */
export class UploadSession {
  readonly #context: UploadContext;
  readonly #bytes: UploadBytes;
  readonly #action: string;
  #location: URL;
  /** Bytes of a chunk; none where the registry wants longer ones than are held in memory. */
  readonly #chunk: number | undefined;
  #chunked: boolean;
  /** Bytes that the registry has. */
  #at = 0;
  /** Bytes that it may have. */
  #taken = 0;

  /** `begun` is the answer that began it; `failed` are the tries before it that brought nothing. */
  constructor(
    context: UploadContext,
    bytes: UploadBytes,
    { response, url }: Answer,
    failed: number,
  ) {
    this.#context = context;
    this.#bytes = bytes;
    this.#action = uploadAction(context, bytes);
    this.#location = this.#locationOf({ response, url });
    const least = Number(
      /^[0-9]{1,15}$/.exec(response.headers.get("oci-chunk-min-length") ?? "")?.[0] ?? 0,
    );
    const length = Math.max(WHOLE_BYTES, CHUNK_BYTES / 2 ** Math.max(0, failed - 1), least);
    this.#chunk = length > MAX_CHUNK_BYTES ? undefined : length;
    this.#chunked = failed > 0 || least > 0;
  }

  /** Bytes that the registry is known to have. */
  get at(): number {
    return this.#at;
  }

  /**
   * Sends what the registry has not yet, and closes the upload.
   *
   * @returns whether it is done; else the registry takes no stream
   * @throws {VarveError} `E_REGISTRY`, a {@linkcode NetworkFailure} where {@linkcode recover} may help; whatever the bytes fail with
   */
  async send(): Promise<boolean> {
    const { blob: { size }, open } = this.#bytes;
    if (size <= WHOLE_BYTES && this.#at === 0) {
      await this.#close(size === 0 ? new Uint8Array(0) : await wholeOf(await open(0), size));
      return true;
    }
    while (this.#at < size) {
      const before = this.#at;
      if (this.#chunked && this.#chunk !== undefined) await this.#chunks(this.#chunk);
      else if (!await this.#stream()) return false;
      if (this.#at <= before) throw new NetworkFailure(this.#action, "it keeps nothing of it");
    }
    await this.#close(new Uint8Array(0));
    return true;
  }

  /**
   * Asks how far the upload came, to go on from there.
   *
   * @returns false when it is lost, or nothing is to be learned of it: the blob must begin again
   */
  async recover(): Promise<boolean> {
    const { transport, endpoint } = this.#context;
    let answer: Answer;
    try {
      answer = await transport.send(
        endpoint,
        this.#request({ method: "GET", accept: [200, 202, 204] }),
      );
    } catch (error) {
      if (!(error instanceof VarveError) || error.code === "E_DENIED") throw error;
      return false;
    }
    await answer.response.body?.cancel();
    const end = endOf(answer.response);
    // One byte or none: nobody can tell.
    if (end === undefined || end === 0 || end >= this.#taken) return false;
    if (answer.response.headers.has("location")) this.#location = this.#locationOf(answer);
    this.#at = end + 1;
    this.#chunked = true;
    return true;
  }

  /** All that is left in one request. */
  async #stream(): Promise<boolean> {
    const from = this.#at;
    const { size } = this.#bytes.blob;
    const broken: unknown[] = [];
    const answer = await this.#send({
      method: "PATCH",
      headers: from === 0 ? {} : { "content-range": `${from}-${size - 1}` },
      body: () =>
        uploadBody({
          open: () => this.#bytes.open(from),
          onProgress: (taken) => {
            this.#taken = Math.max(this.#taken, from + taken);
            this.#bytes.onProgress?.(from + taken);
          },
          onError: (error) => broken.push(error),
        }),
      accept: [202, ...ASTRAY, ...REFUSES_STREAM],
    }).catch((error) => {
      // It is the blob's bytes that failed, not the registry.
      throw broken[0] ?? error;
    });
    if (!this.#chunked && REFUSES_STREAM.includes(answer.response.status)) return false;
    this.#goOn(answer, this.#taken);
    return true;
  }

  /** What is left, chunk by chunk, or until the registry has not kept all of one. */
  async #chunks(length: number): Promise<void> {
    const { blob: { digest, size }, open, onProgress } = this.#bytes;
    for await (const bytes of splitPieces(await open(this.#at), length)) {
      const from = this.#at;
      const end = from + bytes.length;
      this.#taken = Math.max(this.#taken, end);
      const answer = await this.#send({
        method: "PATCH",
        headers: { "content-range": `${from}-${end - 1}` },
        body: bytes,
        single: true,
        accept: [202, TOO_LONG, ...ASTRAY],
      });
      this.#goOn(answer, end);
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

  async #close(body: Uint8Array<ArrayBuffer>): Promise<void> {
    const { digest, size } = this.#bytes.blob;
    const path = new URL(this.#location);
    path.searchParams.set("digest", digest);
    const answer = await this.#send({
      method: "PUT",
      path,
      body,
      patience: patienceFor(size),
      accept: [201, ...ASTRAY],
    });
    if (answer.response.status !== 201) this.#goOn(answer, this.#at);
    refuseOther(answer.response, digest, this.#action);
  }

  /** Takes what an answer says of where the upload is; `sent` when it does not say. */
  #goOn(answer: Answer, sent: number): void {
    const { status, headers } = answer.response;
    if (status !== 202) {
      if (headers.has("location")) this.#location = this.#locationOf(answer);
      const state = status === TOO_LONG ? "it takes no chunk that long" : "it lost its place";
      throw new NetworkFailure(this.#action, `the registry answers ${status}: ${state}`);
    }
    this.#location = this.#locationOf(answer);
    const end = endOf(answer.response);
    this.#at = end === undefined ? sent : end === 0 && sent > 1 ? 0 : Math.min(sent, end + 1);
  }

  async #send(request: Partial<Request> & Pick<Request, "method" | "accept">): Promise<Answer> {
    const { transport, endpoint } = this.#context;
    const headers = { "content-type": "application/octet-stream", ...request.headers };
    // A second time it might be another place of the upload.
    const once = this.#request({ ...request, headers, repeatable: false });
    const answer = await transport.send(endpoint, once);
    await answer.response.body?.cancel();
    return answer;
  }

  #request(request: Partial<Request> & Pick<Request, "method">): Request {
    const { repository, signal } = this.#context;
    const scope = pushScope(repository);
    return { path: this.#location, scope, action: this.#action, signal, ...request };
  }

  #locationOf({ response, url }: Answer): URL {
    const location = locationOf(response, url, this.#action);
    if (location.origin === this.#context.endpoint.origin) return location;
    throw registryError(this.#action, `its upload leads to ${location.origin}`);
  }
}

/** What an upload does, for messages. */
export function uploadAction(
  { endpoint, repository }: UploadContext,
  { blob }: Pick<UploadBytes, "blob">,
): string {
  return `push blob ${blob.digest} to ${endpoint.origin}/${repository}`;
}

/** The last byte that a `Range` header names (`0-41`, by some with `bytes=`). */
function endOf(response: Response): number | undefined {
  const text = response.headers.get("range")?.trim() ?? "";
  const match = /^(?:bytes[= ])?[0-9]{1,15}-([0-9]{1,15})$/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

async function wholeOf(
  stream: ReadableStream<Uint8Array>,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // One more, so that the stream comes to its end, where its digest is judged.
  for await (const bytes of splitPieces(stream, size + 1)) return bytes;
  return new Uint8Array(0);
}
