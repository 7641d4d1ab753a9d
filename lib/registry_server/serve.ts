import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { VarveError } from "../errors.ts";
import { requirePermissions } from "../linux/mod.ts";
import type { Store } from "../store/mod.ts";
import { isAllowedHost, isLoopback } from "./allowed_hosts.ts";
import type { RegistryServer, ServeRegistryOptions } from "./contract.ts";
import {
  Refusal,
  refusalResponse,
  refuse,
  type RegistryRequest,
  type RegistryResponse,
} from "./http.ts";
import { discardRest, requestBody, writeResponse } from "./node_http.ts";
import { RequestRecord } from "./request_record.ts";
import { Registry } from "./registry.ts";

/** Milliseconds that the headers of a request may take, by default. */
const HEADERS_TIMEOUT = 10_000;
/** Milliseconds without a byte after which a body is given up, by default. */
const IDLE_TIMEOUT = 60_000;
/** Maximum size of the headers of a request, in bytes. */
const MAX_HEADERS = 64 * 1024;
/** Milliseconds between two searches for uploads that nobody uses. */
const SWEEP_INTERVAL = 60_000;

/**
 * Serves a store as a registry (OCI distribution-spec 1.1: pull, push, content discovery and management,
 * referrers), in plain http on loopback, without authentication.
 *
 * **Names.** The name of a repository is read as Docker reads the name of an image:
 * `/v2/library/debian` and `/v2/debian` are `docker.io/library/debian` of the store,
 * `/v2/quay.io/team/app` is `quay.io/team/app`, `/v2/localhost__5000/app` is `localhost:5000/app`.
 * So every engine can pull all images of the store, and an image that is pushed as
 * `localhost:5000/team/app:1` is the image `team/app:1` of the store.
 *
 * **Pushes.** A pushed image becomes an image of the store as if it were loaded: its layers are
 * verified and unpacked when its manifest arrives, and the whole image becomes visible at once.
 * Artifacts, attestations and indexes are stored as they are. A manifest that loses its tag stays
 * under its digest, as `docker.io/team/app@sha256:…`, until that name is deleted. The manifests of
 * an index are deleted with the index.
 *
 * **Uploads** that no manifest has named yet are files in a scratch directory of the store. They are
 * dropped after an hour without use, when the server ends, and after a crash when the store is next opened.
 *
 * **Trust.** The sizes of documents, headers and blobs, the number of uploads, and all waits are
 * bounded. Digests are verified. Nothing that a client sends becomes part of a path. Requests that
 * a browser may have sent for a web page (with a foreign `Host`, or with an `Origin`) are refused.
 *
 * @throws {VarveError} `E_USAGE` for an address that other machines reach · `E_BUSY` when the port is taken · `E_DENIED`
 *
 * @example
 * ```ts
 * import { openMemoryStore, serveRegistry } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * await using registry = await serveRegistry(store, { readOnly: true });
 * const response = await fetch(`${registry.url}/v2/_catalog`);
 * const { repositories } = await response.json();
 * if (repositories.length !== 0) throw new Error("an empty store has none");
 * ```
 */
export async function serveRegistry(
  store: Store,
  options: ServeRegistryOptions = {},
): Promise<RegistryServer> {
  const { hostname = "127.0.0.1", port = 0, anyAddress = false } = options;
  if (!anyAddress && !isLoopback(hostname)) {
    throw new VarveError(
      "E_USAGE",
      `Cannot listen on ${hostname}: other machines reach it, and there is no authentication`,
      { subject: hostname },
    );
  }
  options.signal?.throwIfAborted();
  // node:http would throw outside of any promise.
  requirePermissions(`listen on ${hostname}:${port}`, [{
    name: "net",
    host: `${hostname}:${port}`,
  }]);
  const stop = new AbortController();
  const signal = stop.signal;
  const registry = new Registry(store, { ...options, signal });
  const running = new Set<Promise<void>>();
  // node:http and not Deno.serve, which has no time-out for headers.
  const server = createServer({
    headersTimeout: options.headersTimeout ?? HEADERS_TIMEOUT,
    // No time-out for the whole request, because bodies have a time-out for their progress.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1000, options.headersTimeout ?? HEADERS_TIMEOUT),
    maxHeaderSize: MAX_HEADERS,
  }, (request, response) => {
    const done = handle({ registry, options, signal }, request, response);
    running.add(done);
    void done.finally(() => running.delete(done));
  });
  try {
    await listen(server, hostname, port);
  } catch (error) {
    await registry[Symbol.asyncDispose]();
    throw error;
  }
  const sweeper = setInterval(() => {
    registry.sweep().catch((error) => options.onError?.(error));
  }, SWEEP_INTERVAL);
  const finished = Promise.withResolvers<void>();
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> =>
    ending ??= (async () => {
      clearInterval(sweeper);
      options.signal?.removeEventListener("abort", onAbort);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stop.abort(new DOMException("The registry ended", "AbortError"));
      server.closeAllConnections();
      await Promise.allSettled(running);
      await closed;
      await registry[Symbol.asyncDispose]();
    })().then(finished.resolve, (error) => {
      finished.reject(error);
      throw error;
    });
  const onAbort = () => void end().catch(() => {});
  finished.promise.catch(() => {});
  options.signal?.addEventListener("abort", onAbort);
  const bound = (server.address() as { port: number }).port;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `http://${host}:${bound}`,
    hostname,
    port: bound,
    finished: finished.promise,
    [Symbol.asyncDispose]: end,
  };
}

async function listen(server: Server, hostname: string, port: number): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(port, hostname, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    const { code } = error as { code?: string | undefined };
    const [name, state] = code === "EADDRINUSE"
      ? ["E_BUSY", "the port is taken"] as const
      : code === "EACCES"
      ? ["E_DENIED", "not permitted"] as const
      : ["E_SYSCALL", code ?? (error as Error).message] as const;
    throw new VarveError(name, `Cannot listen on ${hostname}:${port}: ${state}`, {
      subject: `${hostname}:${port}`,
      errno: code,
    }, { cause: error });
  }
}

interface Handling {
  readonly registry: Registry;
  readonly options: ServeRegistryOptions;
  /** Aborts when the server ends. */
  readonly signal: AbortSignal;
}

/** Answers one request. Never throws. */
async function handle(
  { registry, options, signal }: Handling,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const idle = options.idleTimeout ?? IDLE_TIMEOUT;
  const record = new RequestRecord(request);
  const gone = new AbortController();
  const onClose = () => gone.abort(new DOMException("The client went away", "AbortError"));
  response.once("close", onClose);
  response.on("error", onClose);
  const asked = toRequest(request, AbortSignal.any([signal, gone.signal]), idle, record);
  let answer: RegistryResponse;
  try {
    if (options.anyAddress !== true) refuseBrowsers(asked);
    answer = await registry.answer(asked);
  } catch (error) {
    answer = refusalResponse(refusalOf(error, asked, options));
  }
  try {
    const rest = discardRest(request, idle);
    await writeResponse(response, answer, {
      head: asked.method === "HEAD",
      idle,
      rest,
      onSent: (bytes) => record.sent += bytes,
    });
    options.onRequest?.(record.end(answer.status, true));
  } catch (error) {
    // The closed connection tells the client that the body is incomplete: it has fewer bytes than
    // `content-length` says.
    request.destroy();
    response.destroy();
    if (error instanceof VarveError) options.onError?.(error);
    options.onRequest?.(record.end(answer.status, false));
  }
}

function toRequest(
  request: IncomingMessage,
  signal: AbortSignal,
  idle: number,
  record: RequestRecord,
): RegistryRequest {
  const [path = "", ...query] = (request.url ?? "").split("?");
  return {
    method: request.method ?? "",
    path: decoded(path),
    query: new URLSearchParams(query.join("?")),
    header: (name) => [request.headers[name]].flat()[0],
    body: record.counted(requestBody(request, idle)),
    signal,
  };
}

/**
 * Decodes escapes in a path, because some clients escape the colon of a digest. Returns `""`, which
 * matches no route, when an escape is malformed.
 */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "";
  }
}

/**
 * Refuses requests of web pages. A page in a browser on this machine can reach loopback in two
 * ways: under a domain name that resolves to loopback (DNS rebinding), or across origins, without
 * seeing the response. Container engines send no `Origin`.
 *
 * @throws {Refusal} 403
 */
function refuseBrowsers(request: RegistryRequest): void {
  if (request.header("origin") !== undefined) {
    throw refuse(403, "DENIED", "this registry is not for web pages");
  }
  const host = request.header("host") ?? "";
  if (isAllowedHost(host)) return;
  throw refuse(403, "DENIED", "the Host header must be localhost or an IP address", {
    host,
  });
}

/** The refusal for an error. The client gets the reason only when the client is at fault. */
function refusalOf(
  error: unknown,
  request: RegistryRequest,
  { onError }: ServeRegistryOptions,
): Refusal {
  if (error instanceof Refusal) return error;
  // The connection or the server has ended: nobody reads the response.
  if (request.signal.aborted) return new Refusal(503, { code: "UNKNOWN", message: "interrupted" });
  onError?.(error);
  const isBusy = error instanceof VarveError && error.code === "E_BUSY";
  const message = isBusy ? "the store is busy, try again" : "the store failed";
  return new Refusal(isBusy ? 503 : 500, { code: "UNKNOWN", message });
}
