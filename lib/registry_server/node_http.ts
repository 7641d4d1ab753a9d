/** Bodies of `node:http`, read and written with time-outs. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { refuse, type RegistryResponse } from "./http.ts";

/**
 * Maximum bytes of an unwanted body that are read and discarded. They are read because a client that
 * is still sending would not see the response otherwise.
 */
const MAX_DISCARDED = 16 * 1024 * 1024;

/**
 * The bytes of a request.
 *
 * @throws {Refusal} 408 when no byte arrived for `idle` ms, 400 when the connection broke
 */
export async function* requestBody(
  request: IncomingMessage,
  idle: number,
): AsyncGenerator<Uint8Array> {
  const timeout = refuse(408, "BLOB_UPLOAD_INVALID", `no byte arrived for ${idle} ms`);
  const timer = new IdleTimer(idle, () => request.destroy(timeout));
  timer.restart();
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      timer.stop();
      yield piece as Uint8Array;
      timer.restart();
    }
  } catch (error) {
    throw error === timeout ? timeout : refuse(400, "BLOB_UPLOAD_INVALID", "the body was cut");
  } finally {
    timer.stop();
  }
}

/**
 * Reads and discards the rest of a request, up to a bound, while the connection lasts. Returns
 * `undefined` when nothing is left to read.
 */
export function discardRest(request: IncomingMessage, idle: number): Promise<void> | undefined {
  if (request.complete || request.destroyed) return undefined;
  return (async () => {
    let size = 0;
    // A request that was read in part gets no event when its connection ends.
    const onClose = () => request.destroy();
    request.socket.once("close", onClose);
    if (request.socket.destroyed) onClose();
    try {
      for await (const piece of requestBody(request, Math.min(idle, 5000))) {
        size += piece.length;
        if (size > MAX_DISCARDED) break;
      }
    } catch {
      // The request has ended, so nothing is left to discard.
    } finally {
      request.socket.off("close", onClose);
    }
    if (!request.complete) request.destroy();
  })();
}

/** How a response is written. */
export interface WriteOptions {
  /** Whether the request was `HEAD`: the body is left out. */
  readonly head: boolean;
  /** Milliseconds without progress after which the connection is closed. */
  readonly idle: number;
  /**
   * Settles when the rest of the request has been discarded; `undefined` for a request that was
   * read to its end. The connection is closed after the response, but not before this promise
   * settles. Otherwise a client that is still sending would only see its connection break.
   */
  readonly rest: Promise<void> | undefined;
  /** Called with the size of each piece of the body that is sent. */
  readonly onSent: (bytes: number) => void;
}

/**
 * Writes a response. The body is sent as fast as the client reads it.
 *
 * @throws when the connection breaks, the client reads nothing for `idle` ms, or the body fails
 */
export async function writeResponse(
  response: ServerResponse,
  { status, headers = {}, body }: RegistryResponse,
  { head, idle, rest, onSent }: WriteOptions,
): Promise<void> {
  const bytes = body instanceof Uint8Array ? body : undefined;
  const length = body === undefined && status !== 204 && headers["content-length"] === undefined
    ? { "content-length": "0" }
    : bytes === undefined
    ? {}
    : { "content-length": String(bytes.length) };
  for (const [name, value] of Object.entries({ ...headers, ...length })) {
    if (value !== undefined) response.setHeader(name, value);
  }
  if (rest !== undefined) response.setHeader("connection", "close");
  response.writeHead(status);
  const timer = new IdleTimer(idle, () => response.destroy());
  timer.restart();
  try {
    if (body instanceof ReadableStream && !head) {
      for await (const piece of holdBackLast(body)) {
        if (response.destroyed) throw new Error("the client went away");
        onSent(piece.length);
        if (!response.write(piece)) await eventOrClose(response, "drain");
        timer.restart();
      }
    }
    const last = head ? undefined : bytes;
    onSent(last?.length ?? 0);
    if (rest !== undefined) {
      if (last === undefined) response.flushHeaders();
      else response.write(last);
      timer.stop();
      await rest;
      timer.restart();
    }
    const finished = eventOrClose(response, "finish");
    if (rest !== undefined || last === undefined) response.end();
    else response.end(last);
    await finished;
  } finally {
    timer.stop();
  }
}

/**
 * Holds back the last piece of a body until the stream has ended without an error. If the stream
 * fails at its end, because a digest differs, the client does not get all bytes.
 */
async function* holdBackLast(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined;
  for await (const piece of body) {
    if (piece.length === 0) continue;
    if (held !== undefined) yield held;
    held = piece;
  }
  if (held !== undefined) yield held;
}

/** Waits for an event. @throws when the connection ends before it */
async function eventOrClose(response: ServerResponse, event: "drain" | "finish"): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onClose = () => reject(new Error("the client went away"));
  response.once(event, resolve);
  response.once("close", onClose);
  if (response.destroyed) onClose();
  try {
    await promise;
  } finally {
    response.off(event, resolve);
    response.off("close", onClose);
  }
}

/** Calls back when it was not restarted for a given time. */
class IdleTimer {
  readonly #ms: number;
  readonly #onIdle: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, onIdle: () => void) {
    this.#ms = ms;
    this.#onIdle = onIdle;
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onIdle, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
