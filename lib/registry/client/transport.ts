import { parseChallenges } from "../auth/challenge.ts";
import { authorize } from "../auth/authorize.ts";
import { TokenCache } from "../auth/token_cache.ts";
import type { ClientConfig, Endpoint, Token, Tokens } from "../contract.ts";
import { readWhole } from "../http/body.ts";
import type { Addresses } from "../http/address_rule.ts";
import { Connections } from "../http/connections.ts";
import { NetworkFailure } from "../http/registry_error.ts";
import { isTransient, retryAfter, waitBeforeRetry } from "../http/retry.ts";
import { type HttpRequest, type HttpResponse, sendRequest } from "../http/send_request.ts";
import { responseError } from "./response_error.ts";

/** One request to an endpoint. */
export interface EndpointRequest extends Omit<HttpRequest, "url" | "headers"> {
  /**
   * The path after the endpoint's own path, such as `/library/debian/tags/list`, or a complete
   * address at the endpoint's origin.
   */
  readonly path: string | URL;
  /**
   * Headers of the request. Only portable headers are sent to another origin than the endpoint's.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The scope of the token that the request needs: `repository:NAME:pull`, or `""`. */
  readonly scope: string;
  /** Statuses that are not errors; 200 when absent. */
  readonly acceptStatus?: readonly number[] | undefined;
  /** Whether the request may be retried after a failure; true when absent. */
  readonly retryable?: boolean | undefined;
  /** Whether the request checks the credential. It is then never sent with an anonymous token. */
  readonly mustAuthenticate?: boolean | undefined;
}

/**
 * Sends requests to the endpoints of one registry, with redirects, authentication, retries and
 * time-outs. Dispose it to close its connections.
 */
export class Transport implements Disposable {
  readonly #config: ClientConfig;
  readonly #connections: Connections;
  readonly #tokens: TokenCache;
  /** Origins of mirrors that could not be reached. */
  readonly #unreachable = new Set<string>();

  /** `tokens` are the tokens of another transport. */
  constructor(config: ClientConfig, tokens: Tokens = {}, addresses?: Addresses) {
    this.#config = config;
    this.#connections = new Connections(config, addresses);
    this.#tokens = new TokenCache(tokens);
  }

  /**
   * The configuration, without mirrors that could not be reached. So nothing waits for such a
   * mirror twice.
   */
  get config(): ClientConfig {
    if (this.#unreachable.size === 0) return this.#config;
    const endpoints = this.#config.endpoints.filter(({ origin }) => !this.#unreachable.has(origin));
    return { ...this.#config, endpoints };
  }

  /** The tokens so far, as a value for another thread. */
  get tokens(): Tokens {
    return this.#tokens.tokens;
  }

  /**
   * Sends a request, and retries it after temporary errors. The body of the response is not read.
   *
   * @throws {VarveError} `E_DENIED` 401 and 403 · `E_NOT_FOUND` 404 · `E_REGISTRY` no answer, or any other status that is not in `acceptStatus`
   */
  async send(endpoint: Endpoint, request: EndpointRequest): Promise<HttpResponse> {
    const { attempts, backoff } = this.#config;
    const hasFallback = this.#hasFallback(endpoint, request);
    // With a fallback endpoint, fall back instead of retrying.
    const last = request.retryable === false || hasFallback ? 1 : attempts;
    for (let attempt = 1;; attempt++) {
      let least = 0;
      try {
        const answer = await this.#sendAuthorized(endpoint, request);
        const { response } = answer;
        if ((request.acceptStatus ?? [200]).includes(response.status)) return answer;
        if (!isTransient(response) || attempt >= last) {
          throw await responseError(
            answer,
            { endpoint, request, config: this.#config },
            this.tokens,
          );
        }
        await response.body?.cancel();
        least = retryAfter(response);
      } catch (error) {
        if (error instanceof NetworkFailure && hasFallback) this.#unreachable.add(endpoint.origin);
        if (!(error instanceof NetworkFailure) || attempt >= last) throw error;
        least = error.wait;
      }
      await waitBeforeRetry(backoff * 2 ** (attempt - 1), request.signal, least);
    }
  }

  /**
   * Does what {@linkcode send} does, and reads the whole of a small body. Retries the request when
   * the body breaks off.
   *
   * @throws {VarveError} as {@linkcode send}; `E_LIMIT` above `maxBytes`; the message names
   * `setting`, which raises the limit
   */
  async read(
    endpoint: Endpoint,
    request: EndpointRequest,
    { maxBytes, setting }: { readonly maxBytes: number; readonly setting?: string | undefined },
  ): Promise<HttpResponse & { readonly bytes: Uint8Array<ArrayBuffer> }> {
    const { attempts, backoff, idleTimeout } = this.#config;
    const { action, signal } = request;
    const options = { action, idleTimeout, signal, setting };
    const last = this.#hasFallback(endpoint, request) ? 1 : attempts;
    for (let attempt = 1;; attempt++) {
      const answer = await this.send(endpoint, request);
      try {
        return { ...answer, bytes: await readWhole(answer.response, maxBytes, options) };
      } catch (error) {
        if (!(error instanceof NetworkFailure) || attempt >= last) throw error;
      }
      await waitBeforeRetry(backoff * 2 ** (attempt - 1), signal);
    }
  }

  /**
   * Whether a later endpoint has all capabilities of this endpoint. If a pull fails at this
   * endpoint, the later endpoint is tried next.
   */
  #hasFallback({ origin, capabilities }: Endpoint, { scope }: EndpointRequest): boolean {
    if (!/^repository:[^ ]*:pull$/.test(scope)) return false;
    const all = this.#config.endpoints;
    const at = all.findIndex((one) => one.origin === origin);
    return at >= 0 &&
      all.slice(at + 1).some((other) =>
        other.origin !== origin && capabilities.every((one) => other.capabilities.includes(one))
      );
  }

  /**
   * Sends a request with the token for its scope. After a 401, sends it once more with a new token.
   */
  async #sendAuthorized(endpoint: Endpoint, request: EndpointRequest): Promise<HttpResponse> {
    const { scope, signal, mustAuthenticate } = request;
    const token = this.#tokens.get(endpoint.origin, scope);
    const answer = await this.#sendOnce(endpoint, request, token);
    const { response, url } = answer;
    // Ignore a challenge that comes from the target of a redirect, not from the registry itself.
    if (response.status !== 401 || url.origin !== endpoint.origin) return answer;
    const challenges = parseChallenges(response.headers.get("www-authenticate") ?? "");
    const [config, connections] = [this.#config, this.#connections];
    const context = { endpoint, scope, signal, mustAuthenticate, config, connections };
    const fetch = () => authorize(challenges, context);
    const fresh = await this.#tokens.replace(endpoint.origin, scope, token, fetch)
      .catch(async (error) => {
        await response.body?.cancel();
        throw error;
      });
    // The same token would be refused again.
    if (fresh === undefined || fresh.authorization === token?.authorization) return answer;
    await response.body?.cancel();
    return await this.#sendOnce(endpoint, request, fresh);
  }

  #sendOnce(
    endpoint: Endpoint,
    request: EndpointRequest,
    token: Token | undefined,
  ): Promise<HttpResponse> {
    const { path, headers = {}, ...rest } = request;
    const url = path instanceof URL
      ? new URL(path)
      : new URL(endpoint.origin + endpoint.path + path);
    if (url.origin !== endpoint.origin) throw new TypeError("Cannot send to another origin");
    if (endpoint.namespace !== null) url.searchParams.set("ns", endpoint.namespace);
    const authorization = token === undefined ? {} : { authorization: token.authorization };
    return sendRequest(
      { ...rest, url, headers: { ...headers, ...authorization } },
      endpoint,
      this.#connections,
      this.#config,
    );
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }
}
