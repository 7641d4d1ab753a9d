import type { IncomingMessage } from "node:http";
import type { ServedRequest } from "./contract.ts";

/** Most characters of a path in a log: a client may send 64 KiB. */
const MAX_PATH = 1000;

/** What is told of a request when it has been answered. */
export class RequestRecord {
  /** Bytes of the answer's body. */
  sent = 0;
  #received = 0;
  readonly #begun = performance.now();
  readonly #begin: Pick<ServedRequest, "time" | "remote" | "method" | "path">;

  constructor({ socket, method = "", url = "" }: IncomingMessage) {
    const { remoteAddress = "", remotePort = 0 } = socket;
    const host = remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress;
    const remote = `${host}:${remotePort}`;
    this.#begin = { time: Date.now(), remote, method, path: pathOf(url).slice(0, MAX_PATH) };
  }

  /** The same bytes, counted. */
  async *counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      this.#received += piece.length;
      yield piece;
    }
  }

  /** The record of the whole request. */
  end(status: number, complete: boolean): ServedRequest {
    const ms = performance.now() - this.#begun;
    return { ...this.#begin, status, bytes: this.#received || this.sent, ms, complete };
  }
}

/**
 * The path of a request's target (RFC 9112, section 3.2). A query can hold a token, and the form with a host, which
 * clients send to proxies, a password.
 */
function pathOf(url: string): string {
  const [target = ""] = url.split(/[?#]/, 1);
  if (target.startsWith("/")) return target;
  return /^[a-z][a-z0-9+.-]*:\/\/[^/]*(\/.*)$/i.exec(target)?.[1] ?? "";
}
