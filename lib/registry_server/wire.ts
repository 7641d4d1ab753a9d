/** Bodies of node:http with bounds: what makes no progress is given up. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, refuse } from "./http.ts";

/** Bytes of a body that nobody wants which are read, so that the client sees the answer. */
const MAX_REST = 16 * 1024 * 1024;

/** The bytes of a request. @throws {Refusal} 408 when none came for `idle` ms, 400 when the client went */
export async function* bodyOf(request: IncomingMessage, idle: number): AsyncGenerator<Uint8Array> {
  const late = refuse(408, "BLOB_UPLOAD_INVALID", `no byte came for ${idle} ms`);
  const timer = new Watch(idle, () => request.destroy(late));
  timer.start();
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      timer.stop();
      yield piece as Uint8Array;
      timer.start();
    }
  } catch (error) {
    throw error === late ? late : refuse(400, "BLOB_UPLOAD_INVALID", "the body was cut");
  } finally {
    timer.stop();
  }
}

/** Reads what is left of a request, up to a bound, while the connection lasts; `undefined` when nothing was left. */
export function discardRest(request: IncomingMessage, idle: number): Promise<void> | undefined {
  if (request.complete || request.destroyed) return undefined;
  return (async () => {
    let size = 0;
    // What was read in part before is not told that its connection ended.
    const onClose = () => request.destroy();
    request.socket.once("close", onClose);
    if (request.socket.destroyed) onClose();
    try {
      for await (const piece of bodyOf(request, Math.min(idle, 5000))) {
        size += piece.length;
        if (size > MAX_REST) break;
      }
    } catch {
      // It ended; that was what was wanted.
    } finally {
      request.socket.off("close", onClose);
    }
    if (!request.complete) request.destroy();
  })();
}

/**
 * Writes an answer; a body as fast as the client takes it. With `rest`, that of a request that was not read
 * to its end, the connection closes behind the answer, but not before that settles: a client that is
 * still sending then would only see its connection break.
 *
 * @throws when the client went, took nothing for `idle` ms, or the body failed
 */
export async function writeAnswer(
  response: ServerResponse,
  { status, headers = {}, body }: Answer,
  { head, idle, rest }: {
    readonly head: boolean;
    readonly idle: number;
    readonly rest: Promise<void> | undefined;
  },
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
  const watch = new Watch(idle, () => response.destroy());
  watch.start();
  try {
    if (body instanceof ReadableStream && !head) {
      for await (const piece of heldBack(body)) {
        if (response.destroyed) throw new Error("the client went");
        if (!response.write(piece)) await settled(response, "drain");
        watch.start();
      }
    }
    const last = head ? undefined : bytes;
    if (rest !== undefined) {
      if (last === undefined) response.flushHeaders();
      else response.write(last);
      watch.stop();
      await rest;
      watch.start();
    }
    const finished = settled(response, "finish");
    if (rest !== undefined || last === undefined) response.end();
    else response.end(last);
    await finished;
  } finally {
    watch.stop();
  }
}

/** The same, the last piece once the stream has ended well: of a body that fails at its end the client has not all. */
async function* heldBack(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined;
  for await (const piece of body) {
    if (piece.length === 0) continue;
    if (held !== undefined) yield held;
    held = piece;
  }
  if (held !== undefined) yield held;
}

/** Waits for an event, or for the end of the connection. */
async function settled(response: ServerResponse, event: "drain" | "finish"): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onClose = () => reject(new Error("the client went"));
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

/** A timer that is started again and again. */
class Watch {
  readonly #ms: number;
  readonly #bite: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, bite: () => void) {
    this.#ms = ms;
    this.#bite = bite;
  }

  start(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#bite, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
