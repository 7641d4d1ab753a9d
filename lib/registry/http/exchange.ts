import { VarveError } from "../../errors.ts";
import type { ClientConfig, Endpoint } from "../contract.ts";
import type { Connections } from "./connections.ts";
import { networkState } from "./network_state.ts";
import { proxyFor } from "./proxy.ts";
import { registryError, shownUrl } from "./redact.ts";
import { schemeHint } from "./scheme_hint.ts";

/** Redirects followed for one request. */
const MAX_REDIRECTS = 10;

/** Bytes in a ms of the slowest line that a body with a length is sent over: nobody sees how far it is. */
const SLOWEST = 16;

/** Milliseconds that a timer counts at most; one of more ends at once. */
const MAX_TIMER = 2 ** 31 - 1;

/** Headers that go along when another origin is asked. */
const PORTABLE = ["accept", "range", "if-range"];

/** One request. */
export interface Exchange {
  /** Method. */
  readonly method: string;
  /** Address, at the endpoint's origin. */
  readonly url: URL;
  /** Headers; `authorization` and whatever is not portable goes to the endpoint's origin only. */
  readonly headers: Readonly<Record<string, string>>;
  /** A body with a length, or a function that makes a stream, which is then sent chunked. */
  readonly body?: Uint8Array<ArrayBuffer> | (() => UploadBody) | undefined;
  /** What it is done for: `fetch manifest of …`. */
  readonly action: string;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Sent once at most, on a connection of its own: where a kept one breaks, `fetch` sends a body with a length again. */
  readonly single?: boolean | undefined;
  /** Milliseconds that the answer may take beyond the usual. */
  readonly patience?: number | undefined;
  /** Redirects that are followed; ten when absent. */
  readonly redirects?: number | undefined;
}

/** A body that is sent as a stream. */
export interface UploadBody {
  /** The bytes. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Ends it with an error: `fetch` itself goes on sending after an early answer. */
  stop(reason: unknown): void;
  /** Bytes taken from it: the progress of the request. */
  taken(): number;
}

/** A request failed before there was an answer; another try may help. */
export class NetworkFailure extends VarveError {
  /** Milliseconds after which the registry wants the other try. */
  readonly wait: number;

  constructor(action: string, state: string, wait = 0, hint?: string) {
    super("E_REGISTRY", `Cannot ${action}: ${state}`, { hint });
    this.wait = wait;
  }
}

/** Where an answer came from. */
export interface Answer {
  /** The response, its body not read. */
  readonly response: Response;
  /** Its address, after redirects. */
  readonly url: URL;
}

/**
 * Sends one request and follows its redirects by hand (GET and HEAD only): at most ten, to http and
 * https only, never from https to http, without credentials to any other origin.
 *
 * @throws {VarveError} `E_REGISTRY`; a {@linkcode NetworkFailure} where another try may help
 */
export async function exchange(
  request: Exchange,
  endpoint: Endpoint,
  connections: Connections,
  config: ClientConfig,
): Promise<Answer> {
  let url = request.url;
  for (let hops = 0;; hops++) {
    const response = await send(request, url, endpoint, connections, config);
    if (![301, 302, 303, 307, 308].includes(response.status)) return { response, url };
    await response.body?.cancel();
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw registryError(request.action, `${shownUrl(url)} redirects a ${request.method} request`);
    }
    const most = request.redirects ?? MAX_REDIRECTS;
    if (hops >= most) throw registryError(request.action, `more than ${most} redirects`);
    url = locationOf(response, url, request.action);
  }
}

/**
 * The address that a `Location` header names.
 *
 * @throws {VarveError} `E_REGISTRY` when there is none, or one that must not be followed
 */
export function locationOf(response: Response, base: URL, action: string): URL {
  const text = response.headers.get("location");
  const refuse = (state: string) => registryError(action, `${shownUrl(base)} ${state}`);
  if (text === null) throw refuse(`answers ${response.status} without a Location`);
  // Two headers arrive joined: which one is meant, nobody knows.
  if (text.length > 8192 || /,\s*https?:/i.test(text)) throw refuse("names no one Location");
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw refuse("names a Location that is no address");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refuse(`leads to a ${url.protocol} address`);
  }
  if (base.protocol === "https:" && url.protocol === "http:") {
    throw refuse("leads from https to http");
  }
  if (url.username !== "" || url.password !== "") throw refuse("leads to an address with a user");
  url.hash = "";
  return url;
}

/** Headers for an address: all of them at the endpoint's origin, the portable ones elsewhere. */
function headersFor(request: Exchange, url: URL, endpoint: Endpoint, userAgent: string): Headers {
  const headers = new Headers({ "accept-encoding": "identity", "user-agent": userAgent });
  const own = url.origin === endpoint.origin;
  if (own) {
    for (const [name, value] of Object.entries(endpoint.headers)) {
      headers.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(request.headers)) {
    if (own || PORTABLE.includes(name)) headers.set(name, value);
  }
  return headers;
}

async function send(
  request: Exchange,
  url: URL,
  endpoint: Endpoint,
  connections: Connections,
  { idleTimeout, userAgent, proxies }: ClientConfig,
): Promise<Response> {
  const { method, signal, action } = request;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const upload = typeof request.body === "function" ? request.body() : undefined;
  const body = upload?.stream ?? (request.body as Uint8Array<ArrayBuffer> | undefined);
  const cancel = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", cancel, { once: true });
  const late = new DOMException("late", "TimeoutError");
  const blind = body instanceof Uint8Array ? body.length / SLOWEST : 0;
  const limit = Math.min(MAX_TIMER, Math.ceil(idleTimeout + (request.patience ?? 0) + blind));
  let taken = 0;
  const expire = () => {
    const now = upload?.taken() ?? 0;
    if (now > taken) {
      taken = now;
      timer = setTimeout(expire, limit);
    } else controller.abort(late);
  };
  let timer = setTimeout(expire, limit);
  try {
    const address = connections.addressOf(url, endpoint);
    const response = await fetch(address, {
      method,
      headers: headersFor(request, url, endpoint, userAgent),
      redirect: "manual",
      client: connections.client(address, endpoint, request.single === true || address !== url),
      signal: controller.signal,
      body: body ?? null,
    });
    return refuseEncoding(response, action);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof VarveError) throw error;
    const through = proxyFor(url, proxies) === null ? "" : " (through the proxy)";
    // Most actions name it.
    const where = action.includes(url.origin) ? "" : `${url.origin}: `;
    const { state, passes, waitsForTls } = controller.signal.aborted
      ? {
        state: `it does not answer within ${Math.round(limit / 1000)} s`,
        passes: true,
        waitsForTls: false,
      }
      : networkState(error);
    const hint = waitsForTls && url.origin === endpoint.origin ? schemeHint(endpoint) : undefined;
    if (passes) throw new NetworkFailure(action, where + state + through, 0, hint);
    throw registryError(action, where + state + through, hint);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
    upload?.stop(new DOMException("answered", "AbortError"));
  }
}

/** Bytes that are not those of the blob prove nothing. */
function refuseEncoding(response: Response, action: string): Response {
  const encoding = response.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" || encoding === "") return response;
  void response.body?.cancel().catch(() => {});
  throw registryError(action, "the answer has a content-encoding, which was not asked for");
}
