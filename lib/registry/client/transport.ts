import { VarveError } from "../../errors.ts";
import { type AuthContext, authorize } from "../auth/authorize.ts";
import { type Challenge, parseChallenges } from "../auth/challenge.ts";
import { deniedHint } from "../auth/denied_hint.ts";
import type { ClientConfig, Endpoint, Token, Tokens } from "../contract.ts";
import { readWhole } from "../http/body.ts";
import { Connections } from "../http/connections.ts";
import { type Answer, type Exchange, exchange, NetworkFailure } from "../http/exchange.ts";
import { registryError, shownWords } from "../http/redact.ts";
import { isPassing, pause, retryAfter } from "../http/retry.ts";
import { schemeHint } from "../http/scheme_hint.ts";

/** Bytes of an error's body that are looked at. */
const MAX_ERROR_BODY = 64 * 1024;

/** Characters from which on a header of a hosts file counts as a secret. */
const MIN_SECRET = 6;

/** One request to an endpoint. */
export interface Request extends Omit<Exchange, "url" | "headers"> {
  /** Path behind the endpoint's own: `/library/debian/tags/list`; or a whole address of the endpoint's origin. */
  readonly path: string | URL;
  /** Headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What it needs: `repository:NAME:pull`, or `""`. */
  readonly scope: string;
  /** Answers that are no errors; 200 when absent. */
  readonly accept?: readonly number[] | undefined;
  /** Whether it may be sent again after a failure; true when absent. */
  readonly repeatable?: boolean | undefined;
  /** Whether the credentials must have proved themselves: then it is not done as nobody. */
  readonly proves?: boolean | undefined;
}

/**
 * Speaks to the endpoints of one registry: redirects, authentication, retries, time-outs.
 *
 * Tokens are kept by origin and scope. Dispose it: connections stay open until then.
 */
export class Transport implements Disposable {
  readonly #config: ClientConfig;
  readonly #connections: Connections;
  readonly #tokens: Map<string, Token>;
  readonly #asking = new Map<string, Promise<Token | undefined>>();
  /** Origins of mirrors that gave no answer that counts. */
  readonly #silent = new Set<string>();

  /** `tokens` are those that another transport got. */
  constructor(config: ClientConfig, tokens: Tokens = {}) {
    this.#config = config;
    this.#connections = new Connections(config);
    this.#tokens = new Map(Object.entries(tokens));
  }

  /** What it was made from, without mirrors that are silent: none is waited for twice. */
  get config(): ClientConfig {
    if (this.#silent.size === 0) return this.#config;
    const endpoints = this.#config.endpoints.filter(({ origin }) => !this.#silent.has(origin));
    return { ...this.#config, endpoints };
  }

  /** The tokens so far, as a value for another thread. */
  get tokens(): Tokens {
    return Object.fromEntries(this.#tokens);
  }

  /**
   * Sends a request until there is an answer that counts. The body of the response is not read.
   *
   * @throws {VarveError} `E_DENIED` 401 and 403 · `E_NOT_FOUND` 404 · `E_REGISTRY` any other answer that is not in `accept`, or none
   */
  async send(endpoint: Endpoint, request: Request): Promise<Answer> {
    const { attempts, backoff } = this.#config;
    // Whoever stands before another is asked once: the next one is nearer than a second try.
    const once = request.repeatable === false || this.#isReplaceable(endpoint, request);
    const last = once ? 1 : attempts;
    for (let attempt = 1;; attempt++) {
      let least = 0;
      try {
        const answer = await this.#authorized(endpoint, request);
        const { response } = answer;
        if ((request.accept ?? [200]).includes(response.status)) return answer;
        if (!isPassing(response) || attempt >= last) {
          throw await this.#failure(answer, endpoint, request);
        }
        await response.body?.cancel();
        least = retryAfter(response);
      } catch (error) {
        if (error instanceof NetworkFailure && this.#isReplaceable(endpoint, request)) {
          this.#silent.add(endpoint.origin);
        }
        if (!(error instanceof NetworkFailure) || attempt >= last) throw error;
        least = error.wait;
      }
      await pause(backoff * 2 ** (attempt - 1), request.signal, least);
    }
  }

  /**
   * As {@linkcode send}, with the whole of a small body; asked for again where that breaks.
   *
   * @throws {VarveError} as {@linkcode send}; `E_LIMIT` above `maxBytes`, which `setting` may raise
   */
  async read(
    endpoint: Endpoint,
    request: Request,
    { maxBytes, setting }: { readonly maxBytes: number; readonly setting?: string | undefined },
  ): Promise<Answer & { readonly bytes: Uint8Array<ArrayBuffer> }> {
    const { attempts, backoff, idleTimeout } = this.#config;
    const { action, signal } = request;
    const options = { action, idleTimeout, signal, setting };
    const last = this.#isReplaceable(endpoint, request) ? 1 : attempts;
    for (let attempt = 1;; attempt++) {
      const answer = await this.send(endpoint, request);
      try {
        return { ...answer, bytes: await readWhole(answer.response, maxBytes, options) };
      } catch (error) {
        if (!(error instanceof NetworkFailure) || attempt >= last) throw error;
      }
      await pause(backoff * 2 ** (attempt - 1), signal);
    }
  }

  /** Whether an endpoint behind it may do all that it may, and is asked next: for what is pulled. */
  #isReplaceable({ origin, capabilities }: Endpoint, { scope }: Request): boolean {
    if (!/^repository:[^ ]*:pull$/.test(scope)) return false;
    const all = this.#config.endpoints;
    const at = all.findIndex((one) => one.origin === origin);
    return at >= 0 &&
      all.slice(at + 1).some((other) =>
        other.origin !== origin && capabilities.every((one) => other.capabilities.includes(one))
      );
  }

  /** One try, with the token that is known, else with the one that the challenge leads to. */
  async #authorized(endpoint: Endpoint, request: Request): Promise<Answer> {
    const { scope, signal, proves } = request;
    const key = `${endpoint.origin} ${scope}`;
    let token = this.#tokens.get(key);
    if (token !== undefined && token.expiresAt <= Date.now()) token = undefined;
    const answer = await this.#once(endpoint, request, token);
    const { response, url } = answer;
    // A challenge of whoever a redirect led to is not the registry's.
    if (response.status !== 401 || url.origin !== endpoint.origin) return answer;
    const challenges = parseChallenges(response.headers.get("www-authenticate") ?? "");
    const context = { endpoint, scope, signal, proves };
    const fresh = await this.#fresh(key, token, challenges, context).catch(async (error) => {
      await response.body?.cancel();
      throw error;
    });
    // The same answer to the same question would be refused again.
    if (fresh === undefined || fresh.authorization === token?.authorization) return answer;
    await response.body?.cancel();
    return await this.#once(endpoint, request, fresh);
  }

  /** A token in place of the one that was refused: what another request got or is getting, else a new one. */
  async #fresh(
    key: string,
    refused: Token | undefined,
    challenges: readonly Challenge[],
    context: Omit<AuthContext, "config" | "connections">,
  ): Promise<Token | undefined> {
    const known = this.#tokens.get(key);
    if (known !== undefined && known !== refused && known.expiresAt > Date.now()) return known;
    // Whoever else asks may fail for reasons of his own: then the next of those who wait asks.
    for (let others = this.#asking.get(key); others; others = this.#asking.get(key)) {
      const token = await others.catch(() => undefined);
      if (token !== undefined) return token;
    }
    const [config, connections] = [this.#config, this.#connections];
    const asking = authorize(challenges, { ...context, config, connections });
    this.#asking.set(key, asking);
    try {
      const fresh = await asking;
      if (fresh !== undefined) this.#tokens.set(key, fresh);
      return fresh;
    } finally {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    }
  }

  #once(endpoint: Endpoint, request: Request, token: Token | undefined): Promise<Answer> {
    const { path, headers = {}, ...rest } = request;
    const url = path instanceof URL
      ? new URL(path)
      : new URL(endpoint.origin + endpoint.path + path);
    if (url.origin !== endpoint.origin) throw new TypeError("Cannot send to another origin");
    if (endpoint.namespace !== null) url.searchParams.set("ns", endpoint.namespace);
    const authorization = token === undefined ? {} : { authorization: token.authorization };
    return exchange(
      { ...rest, url, headers: { ...headers, ...authorization } },
      endpoint,
      this.#connections,
      this.#config,
    );
  }

  async #failure(
    { response, url }: Answer,
    endpoint: Endpoint,
    { action, signal, proves }: Request,
  ): Promise<VarveError> {
    const words = await this.#words(response, action, signal);
    const { status } = response;
    const { registry, credentials } = this.config;
    // Whoever it sent one on to, as to a storage: no login helps there.
    const isOwn = url.origin === endpoint.origin;
    const who = isOwn ? "the registry" : url.origin;
    const state = `${who} answers ${status}${words === "" ? "" : ` (${words})`}`;
    if (!isOwn && (status === 401 || status === 403)) {
      return new VarveError("E_DENIED", `Cannot ${action}: ${state}`);
    }
    if (status === 401 || status === 403) {
      return new VarveError("E_DENIED", `Cannot ${action}: ${state}`, {
        hint: deniedHint({ registry, status, credential: credentials[endpoint.origin], proves }),
      });
    }
    if (status === 404) return new VarveError("E_NOT_FOUND", `Cannot ${action}: ${state}`);
    if (isPassing(response)) return new NetworkFailure(action, state, retryAfter(response));
    // A registry says what is wrong with a request; that it came in plain http is said in words of no registry.
    const isWordless = isOwn && status === 400 && words === "";
    return registryError(action, state, isWordless ? schemeHint(endpoint) : undefined);
  }

  /** What the registry says of its error (distribution-spec, "Error Codes"), harmless. */
  async #words(
    response: Response,
    action: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const { idleTimeout } = this.config;
    let text: string;
    try {
      const bytes = await readWhole(response, MAX_ERROR_BODY, { action, idleTimeout, signal });
      text = new TextDecoder().decode(bytes);
    } catch {
      signal?.throwIfAborted();
      return "";
    }
    return shownWords(errorWords(text), this.#secrets());
  }

  *#secrets(): Iterable<string> {
    for (const { authorization } of this.#tokens.values()) {
      yield authorization.slice(authorization.indexOf(" ") + 1);
    }
    for (const credential of Object.values(this.config.credentials)) {
      yield credential.kind === "basic" ? credential.password : credential.token;
    }
    for (const { headers } of this.#config.endpoints) {
      // Shorter ones are words like any other.
      for (const value of Object.values(headers)) if (value.length >= MIN_SECRET) yield value;
    }
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }
}

/** `{"errors":[{"code","message"}]}` as words; nothing of what is no such document. */
function errorWords(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: unknown | undefined };
    if (!Array.isArray(errors)) return "";
    return errors.slice(0, 3).map((error: Record<string, unknown>) =>
      [error["code"], error["message"]].filter((part) => typeof part === "string").join(": ")
    ).join("; ");
  } catch {
    return "";
  }
}
