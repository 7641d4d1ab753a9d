import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { VarveError } from "../errors.ts";
import type { Store } from "../store/mod.ts";
import { isLoopback, mayBeCalled } from "./allowed_hosts.ts";
import type { RegistryServer, ServeRegistryOptions } from "./contract.ts";
import { type Answer, type Ask, Refusal, refusalAnswer, refuse } from "./http.ts";
import { Registry } from "./registry.ts";
import { bodyOf, discardRest, writeAnswer } from "./wire.ts";

const HEADERS_TIMEOUT = 10_000;
const IDLE_TIMEOUT = 60_000;
/** Bytes of the headers of a request. */
const MAX_HEADERS = 64 * 1024;
/** How often, in ms, uploads that nobody uses are looked for. */
const SWEEP = 60_000;

/**
 * Serves a store as a registry (OCI distribution-spec 1.1: pull, push, content discovery and management,
 * referrers), in plain http on loopback, without authentication.
 *
 * **Names.** A repository on the wire is read as Docker reads the name of an image: `/v2/library/debian`
 * and `/v2/debian` are `docker.io/library/debian` of the store, `/v2/quay.io/team/app` is
 * `quay.io/team/app`, `/v2/localhost__5000/app` is `localhost:5000/app`. So every engine pulls what the
 * store holds, and what is pushed as `localhost:5000/team/app:1` is the image `team/app:1` of the store.
 *
 * **Pushes.** An image becomes one of the store like by a load: its layers are proved and unpacked when
 * its manifest arrives, and all of it becomes visible at once. What is no image (artifacts, attestations,
 * indexes) is kept as it is. A manifest that loses its tag stays under its digest, as
 * `docker.io/team/app@sha256:…`, until that is deleted; those of an index go with the index.
 *
 * **Uploads** that no manifest named are files in a scratch directory of the store. They are dropped after
 * an hour without use, when the server ends, and after a crash when the store is next opened.
 *
 * **Trust.** Documents, headers, blobs, times and numbers of uploads are bounded; digests are proved;
 * nothing that a client says becomes part of a path. Requests that a browser was tricked into (another
 * `Host`, an `Origin`) are refused. node:http, because its headers have a time-out; Deno.serve's have none.
 *
 * @throws {VarveError} `E_USAGE` an address that is not of loopback · `E_BUSY` the port is taken · `E_DENIED`
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
  const stop = new AbortController();
  const signal = stop.signal;
  const registry = new Registry(store, { ...options, signal });
  const running = new Set<Promise<void>>();
  const server = createServer({
    headersTimeout: options.headersTimeout ?? HEADERS_TIMEOUT,
    // Bodies are judged by their progress.
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
    registry.uploads.sweep().catch((error) => options.onError?.(error));
  }, SWEEP);
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
  /** The server's end. */
  readonly signal: AbortSignal;
}

/** One request. Never throws. */
async function handle(
  { registry, options, signal }: Handling,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const idle = options.idleTimeout ?? IDLE_TIMEOUT;
  const gone = new AbortController();
  const onClose = () => gone.abort(new DOMException("The client went", "AbortError"));
  response.once("close", onClose);
  response.on("error", onClose);
  const ask: Ask = askOf(request, AbortSignal.any([signal, gone.signal]), idle);
  let answer: Answer;
  try {
    if (options.anyAddress !== true) refuseBrowsers(ask);
    answer = await registry.answer(ask);
  } catch (error) {
    answer = refusalAnswer(refusalOf(error, ask, options));
  }
  try {
    const rest = discardRest(request, idle);
    await writeAnswer(response, answer, { head: ask.method === "HEAD", idle, rest });
  } catch (error) {
    // Told by the connection: what is there of the body is shorter than its length.
    request.destroy();
    response.destroy();
    if (error instanceof VarveError) options.onError?.(error);
  }
}

function askOf(request: IncomingMessage, signal: AbortSignal, idle: number): Ask {
  const [path = "", ...query] = (request.url ?? "").split("?");
  return {
    method: request.method ?? "",
    path: decoded(path),
    query: new URLSearchParams(query.join("?")),
    header: (name) => [request.headers[name]].flat()[0],
    body: bodyOf(request, idle),
    signal,
  };
}

/** Some clients escape the colon of a digest. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "";
  }
}

/**
 * A page in a browser of this machine can ask loopback: under a name of its own that it points here (DNS
 * rebinding), or blindly across origins. No engine sends an `Origin`.
 *
 * @throws {Refusal} 403
 */
function refuseBrowsers(ask: Ask): void {
  if (ask.header("origin") !== undefined) {
    throw refuse(403, "DENIED", "this registry is not for web pages");
  }
  const host = ask.header("host") ?? "";
  if (mayBeCalled(host)) return;
  throw refuse(403, "DENIED", "this registry is asked as localhost or by its address", { host });
}

/** What a client is told of an error: its own faults, and no more than that of others. */
function refusalOf(error: unknown, ask: Ask, { onError }: ServeRegistryOptions): Refusal {
  if (error instanceof Refusal) return error;
  // The client went, or the server ends: nobody reads it.
  if (ask.signal.aborted) return new Refusal(503, { code: "UNKNOWN", message: "interrupted" });
  onError?.(error);
  const busy = error instanceof VarveError && error.code === "E_BUSY";
  const message = busy ? "the store is busy, try again" : "the store failed";
  return new Refusal(busy ? 503 : 500, { code: "UNKNOWN", message });
}
