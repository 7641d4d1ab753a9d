import { VarveError } from "../../errors.ts";
import { permissionError } from "../../linux/mod.ts";
import type { ClientConfig, Endpoint } from "../contract.ts";
import type { Connections } from "./connections.ts";
import { locationOf } from "./location.ts";
import { explainNetworkError, isUnconnected, type NetworkProblem } from "./network_error.ts";
import { proxyFor } from "./proxy.ts";
import { redactUrl } from "./redact.ts";
import { NetworkFailure, registryError } from "./registry_error.ts";
import { tlsHint } from "./tls_hint.ts";

/** Maximum number of redirects that are followed for one request. */
const MAX_REDIRECTS = 10;

/**
 * Slowest rate, in bytes per millisecond, at which a body with a length may be sent. The progress
 * of such a body cannot be observed, so its time-out grows with its length.
 */
const MIN_UPLOAD_RATE = 16;

/** Maximum timer in milliseconds. `setTimeout` fires at once for a longer time. */
const MAX_TIMER = 2 ** 31 - 1;

/** Headers that are also sent to another origin. */
const PORTABLE_HEADERS = ["accept", "range", "if-range"];

/** One HTTP request. */
export interface HttpRequest {
  /** The method: `GET`, `PUT`, … */
  readonly method: string;
  /** The address, at the endpoint's origin. */
  readonly url: URL;
  /**
   * Headers. `authorization` and all other headers that are not portable are sent only to the
   * endpoint's origin.
   */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body: bytes, which are sent with their length; or a function that makes a stream, which is
   * sent chunked.
   */
  readonly body?: Uint8Array<ArrayBuffer> | (() => UploadBody) | undefined;
  /** The purpose of the request, for messages: `fetch manifest of …`. */
  readonly action: string;
  /** Aborts the request. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the request gets its own connection, so that it is sent at most once. When a reused
   * connection breaks, `fetch` itself retries a request whose body has a length.
   */
  readonly ownConnection?: boolean | undefined;
  /** Milliseconds that the answer may take in addition to the idle time-out; 0 when absent. */
  readonly extraTime?: number | undefined;
  /**
   * The endpoint whose response contained the address, such as the registry that named its token
   * server; for {@linkcode AddressRule}. The endpoint of the request when absent.
   */
  readonly asker?: Endpoint | undefined;
  /** Maximum number of redirects that are followed; ten when absent. */
  readonly redirects?: number | undefined;
}

/** A body that is sent as a stream. */
export interface UploadBody {
  /** The bytes. */
  readonly stream: ReadableStream<Uint8Array>;
  /**
   * Ends the stream with an error. If it is not called, `fetch` goes on sending after an early
   * answer.
   */
  stop(reason: unknown): void;
  /** Number of bytes read from the stream so far: the progress of the request. */
  taken(): number;
}

/** A response after all redirects. */
export interface HttpResponse {
  /** The response; its body has not been read. */
  readonly response: Response;
  /** The address that sent the response. */
  readonly url: URL;
}

/**
 * Sends one request and follows its redirects by hand. Redirects are followed only for GET and
 * HEAD, at most ten times, only to http and https, never from https to http, and only to addresses
 * that {@linkcode AddressRule} allows. Credentials are never sent to another origin.
 *
 * @throws {VarveError} `E_REGISTRY`; a {@linkcode NetworkFailure} when a retry may help
 */
export async function sendRequest(
  request: HttpRequest,
  endpoint: Endpoint,
  connections: Connections,
  config: ClientConfig,
): Promise<HttpResponse> {
  let url = request.url;
  for (let hops = 0;; hops++) {
    const response = await sendOnce(request, url, endpoint, connections, config);
    if (![301, 302, 303, 307, 308].includes(response.status)) return { response, url };
    await response.body?.cancel();
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw registryError(
        request.action,
        `${redactUrl(url)} redirects a ${request.method} request`,
      );
    }
    const most = request.redirects ?? MAX_REDIRECTS;
    if (hops >= most) throw registryError(request.action, `more than ${most} redirects`);
    url = locationOf(response, url, request.action);
  }
}

/**
 * Headers for an address: all headers at the endpoint's origin, only the portable headers
 * elsewhere.
 */
function headersFor(
  request: HttpRequest,
  url: URL,
  endpoint: Endpoint,
  userAgent: string,
): Headers {
  const headers = new Headers({ "accept-encoding": "identity", "user-agent": userAgent });
  const isOwn = url.origin === endpoint.origin;
  if (isOwn) {
    for (const [name, value] of Object.entries(endpoint.headers)) {
      headers.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(request.headers)) {
    if (isOwn || PORTABLE_HEADERS.includes(name)) headers.set(name, value);
  }
  return headers;
}

/** Sends a request to one address. Follows no redirect. */
async function sendOnce(
  request: HttpRequest,
  url: URL,
  endpoint: Endpoint,
  connections: Connections,
  { idleTimeout, userAgent, proxies }: ClientConfig,
): Promise<Response> {
  const { method, signal, action, ownConnection = false } = request;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const upload = typeof request.body === "function" ? request.body() : undefined;
  const body = upload?.stream ?? (request.body as Uint8Array<ArrayBuffer> | undefined);
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const uploadTime = body instanceof Uint8Array ? body.length / MIN_UPLOAD_RATE : 0;
  const limit = Math.min(
    MAX_TIMER,
    Math.ceil(idleTimeout + (request.extraTime ?? 0) + uploadTime),
  );
  // `fetch` has no time-outs. So this timer aborts it, unless the upload made progress meanwhile.
  let taken = 0;
  const onTimer = () => {
    const now = upload?.taken() ?? 0;
    if (now > taken) {
      taken = now;
      timer = setTimeout(onTimer, limit);
    } else controller.abort(new DOMException("no answer in time", "TimeoutError"));
  };
  let timer = setTimeout(onTimer, limit);
  try {
    const address = connections.addressFor(url, endpoint);
    const route = await unlessAborted(
      connections.rule.route(url, request.asker ?? endpoint, action),
      controller.signal,
    );
    const single = ownConnection || address !== url;
    const send = (at: string | null) =>
      fetch(address, {
        method,
        headers: headersFor(request, url, endpoint, userAgent),
        redirect: "manual",
        client: connections.client(address, endpoint, { single, at }),
        signal: controller.signal,
        body: body ?? null,
      });
    // The relay of an unverified endpoint makes the connection itself.
    const response = await sendAlong(address === url && upload === undefined ? route : null, send);
    return refuseEncoding(response, action);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof VarveError) throw error;
    const denied = permissionError(error, action);
    if (denied !== undefined) throw denied;
    const through = proxyFor(url, proxies) === null ? "" : " (through the proxy)";
    // Most actions already name the origin.
    const where = action.includes(url.origin) ? "" : `${url.origin}: `;
    const problem: NetworkProblem = controller.signal.aborted
      ? {
        state: `it does not answer within ${Math.round(limit / 1000)} s`,
        isTransient: true,
        suggestsTls: false,
      }
      : explainNetworkError(error);
    const hint = problem.suggestsTls && url.origin === endpoint.origin
      ? tlsHint(endpoint)
      : undefined;
    const state = where + problem.state + through;
    if (problem.isTransient) throw new NetworkFailure(action, state, 0, { hint });
    throw registryError(action, state, { hint });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    upload?.stop(new DOMException("answered", "AbortError"));
  }
}

/** Tries the addresses of a route in order, until one accepts the connection. */
async function sendAlong(
  route: readonly string[] | null,
  send: (at: string | null) => Promise<Response>,
): Promise<Response> {
  const [first = null, ...others] = route ?? [];
  try {
    return await send(first);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable && first !== null) return await send(null);
    if (others.length === 0 || !isUnconnected(error)) throw error;
    return await sendAlong(others, send);
  }
}

/**
 * The result of a promise. Rejects earlier if the signal aborts, because the look-up of a name
 * cannot be aborted.
 */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Refuses a compressed response: its bytes differ from the blob's, and so would their digest. */
function refuseEncoding(response: Response, action: string): Response {
  const encoding = response.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" || encoding === "") return response;
  void response.body?.cancel().catch(() => {});
  throw registryError(action, "the answer has a content-encoding, which was not asked for");
}
