/**
 * Requests and answers as values, and what a refusal says (distribution-spec, "Error Codes").
 */
import { joinBytes } from "../bytes/mod.ts";
import type { Digest } from "../digest/mod.ts";

/** What a client asks. */
export interface Ask {
  /** Upper case. */
  readonly method: string;
  /** Path, decoded. Nothing of it ever becomes a path of a file. */
  readonly path: string;
  /** Query. */
  readonly query: URLSearchParams;
  /** A header by its lower-case name. */
  header(name: string): string | undefined;
  /** The body, as it comes; fails when the client stops sending. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborted when the client or the server goes. */
  readonly signal: AbortSignal;
}

/** Headers of an answer by their lower-case names; what is `undefined` is not sent. */
export type AnswerHeaders = Readonly<Record<string, string | undefined>>;

/** What it gets. */
export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** Headers; `content-length` is added where the body is at hand. */
  readonly headers?: AnswerHeaders | undefined;
  /** Body; none for `HEAD`, whatever is here. */
  readonly body?: Uint8Array | ReadableStream<Uint8Array> | undefined;
}

/** The specification's codes. */
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

/** A request is refused: an answer that is thrown. It never leaves the server as an error. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly entries: readonly RefusalEntry[];
  readonly headers: AnswerHeaders;

  constructor(
    status: number,
    entries: RefusalEntry | readonly RefusalEntry[],
    headers: AnswerHeaders = {},
  ) {
    const list = [entries].flat() as readonly RefusalEntry[];
    super(list[0]?.message);
    this.status = status;
    this.entries = list;
    this.headers = headers;
  }
}

/** Makes a refusal of one entry. */
export function refuse(
  status: number,
  code: RefusalCode,
  message: string,
  detail?: unknown,
): Refusal {
  return new Refusal(status, { code, message, detail });
}

/** A JSON document as an answer. */
export function jsonAnswer(
  value: unknown,
  headers: AnswerHeaders = {},
  status = 200,
): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: new TextEncoder().encode(JSON.stringify(value)),
  };
}

/** The answer of a refusal. */
export function refusalAnswer({ status, entries, headers }: Refusal): Answer {
  return jsonAnswer({ errors: entries }, headers, status);
}

/** Says which content an answer is about. */
export function digestHeader(digest: Digest): Record<string, string> {
  return { "docker-content-digest": digest };
}

/**
 * The whole of a small body.
 *
 * @throws {Refusal} 413 above `maxBytes`
 */
export async function readBody(ask: Ask, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    refuse(413, "SIZE_INVALID", `the document has more than ${maxBytes} bytes`);
  if (Number(ask.header("content-length") ?? 0) > maxBytes) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of ask.body) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge();
    pieces.push(piece);
  }
  return joinBytes(pieces);
}
