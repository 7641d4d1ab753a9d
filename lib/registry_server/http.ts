/**
 * HTTP requests and responses as values, and refusals as errors (distribution-spec, "Error Codes").
 */
import { joinBytes } from "../bytes/mod.ts";
import type { Digest } from "../digest/mod.ts";

/** A request to the registry. */
export interface RegistryRequest {
  /** The method in upper case. */
  readonly method: string;
  /** The decoded path. No part of it ever becomes a path of a file. */
  readonly path: string;
  /** The query parameters. */
  readonly query: URLSearchParams;
  /** Reads a header by its lower-case name. */
  header(name: string): string | undefined;
  /** The body, as it arrives; it fails when the client stops sending. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborted when the connection or the server ends. */
  readonly signal: AbortSignal;
}

/** Headers by their lower-case names. A header that is `undefined` is not sent. */
export type ResponseHeaders = Readonly<Record<string, string | undefined>>;

/** A response of the registry. */
export interface RegistryResponse {
  /** The HTTP status. */
  readonly status: number;
  /** The headers; `content-length` is added to a body of bytes. */
  readonly headers?: ResponseHeaders | undefined;
  /** The body. It is not sent in answer to `HEAD`. */
  readonly body?: Uint8Array | ReadableStream<Uint8Array> | undefined;
}

/** The error codes of the specification. */
export type RefusalCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS";

/** One error of an error document. */
export interface RefusalEntry {
  readonly code: RefusalCode | "UNKNOWN";
  readonly message: string;
  readonly detail?: unknown | undefined;
}

/** Thrown to refuse a request. The server turns it into a response, so no caller of the library sees it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly entries: readonly RefusalEntry[];
  readonly headers: ResponseHeaders;

  constructor(
    status: number,
    entries: RefusalEntry | readonly RefusalEntry[],
    headers: ResponseHeaders = {},
  ) {
    const list = [entries].flat() as readonly RefusalEntry[];
    super(list[0]?.message);
    this.status = status;
    this.entries = list;
    this.headers = headers;
  }
}

/** Makes a refusal with one entry. */
export function refuse(
  status: number,
  code: RefusalCode,
  message: string,
  detail?: unknown,
): Refusal {
  return new Refusal(status, { code, message, detail });
}

/** A response with a JSON document. */
export function jsonResponse(
  value: unknown,
  headers: ResponseHeaders = {},
  status = 200,
): RegistryResponse {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: new TextEncoder().encode(JSON.stringify(value)),
  };
}

/** Turns a refusal into a response. */
export function refusalResponse({ status, entries, headers }: Refusal): RegistryResponse {
  return jsonResponse({ errors: entries }, headers, status);
}

/** The header with the digest of the content. */
export function digestHeader(digest: Digest): Record<string, string> {
  return { "docker-content-digest": digest };
}

/**
 * Reads the whole of a small body.
 *
 * @throws {Refusal} 413 above `maxBytes`
 */
export async function readBody(
  request: RegistryRequest,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    refuse(413, "SIZE_INVALID", `the document has more than ${maxBytes} bytes`);
  if (Number(request.header("content-length") ?? 0) > maxBytes) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request.body) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge();
    pieces.push(piece);
  }
  return joinBytes(pieces);
}
