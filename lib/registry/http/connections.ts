import { VarveError } from "../../errors.ts";
import type { ClientConfig, Endpoint } from "../contract.ts";
import { proxyFor } from "./proxy.ts";
import { ProxyRelay } from "./relay/proxy_relay.ts";
import { UnverifiedRelay } from "./relay/unverified_relay.ts";

/**
 * HTTP clients, one for each {origin, TLS settings, proxy}, so that neither a connection nor a TLS
 * session made under one trust is used under another. Dispose to close all connections.
 */
export class Connections implements Disposable {
  readonly #config: ClientConfig;
  readonly #clients = new Map<string, Deno.HttpClient>();
  readonly #relays = new Map<string, ProxyRelay>();
  readonly #unverified = new Map<string, UnverifiedRelay>();

  constructor(config: ClientConfig) {
    this.#config = config;
  }

  /**
   * The client for an address. `endpoint` is whose certificates are trusted besides the system's; its own
   * client certificate is shown to its own origin alone. Those of one that is `single` serve one request each.
   *
   * @throws {VarveError} `E_UNSUPPORTED` when a certificate or a proxy is malformed
   */
  client(url: URL, endpoint: Endpoint, single: boolean): Deno.HttpClient {
    const own = url.origin === endpoint.origin ? endpoint.client : null;
    const proxy = proxyFor(url, this.#config.proxies);
    const key = JSON.stringify([url.origin, proxy, endpoint.caCerts, own, single]);
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = this.#create(url, endpoint, own, proxy, single);
      this.#clients.set(key, client);
    }
    return client;
  }

  /**
   * The address to ask in place of another: a relay's where the certificate of an endpoint is not to be
   * verified.
   *
   * @throws {VarveError} `E_UNSUPPORTED` when there is a proxy before it
   */
  addressOf(url: URL, endpoint: Endpoint): URL {
    if (!endpoint.unverified || url.origin !== endpoint.origin) return url;
    if (proxyFor(url, this.#config.proxies) !== null) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot connect to ${url.origin}: nothing goes unverified through a proxy`,
        { hint: "give its certificate authority with ca = … in place of skip_verify, or NO_PROXY" },
      );
    }
    let relay = this.#unverified.get(url.origin);
    if (relay === undefined) {
      relay = new UnverifiedRelay(url);
      this.#unverified.set(url.origin, relay);
    }
    return new URL(url.pathname + url.search, relay.origin);
  }

  #create(
    url: URL,
    endpoint: Endpoint,
    own: Endpoint["client"],
    proxy: string | null,
    single: boolean,
  ): Deno.HttpClient {
    const secure = url.protocol === "https:";
    try {
      return Deno.createHttpClient({
        // Unread responses on one HTTP/2 connection starve every other stream of it.
        http2: false,
        ...(single ? { poolMaxIdlePerHost: 0 } : {}),
        ...(secure ? { caCerts: [...this.#config.caCerts, ...endpoint.caCerts] } : {}),
        ...(secure && own !== null ? own : {}),
        ...(proxy === null ? {} : { proxy: { url: secure ? this.#relayed(proxy) : proxy } }),
      });
    } catch {
      // The error's text may hold a proxy's password.
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot connect to ${url.origin}: its certificates or the proxy's address are malformed`,
      );
    }
  }

  /** What leads to a proxy through which nobody behind it is told its password. */
  #relayed(proxy: string): string {
    const url = new URL(/^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`);
    if (url.protocol !== "http:" || url.username === "") return proxy;
    let relay = this.#relays.get(url.href);
    if (relay === undefined) {
      relay = new ProxyRelay(url);
      this.#relays.set(url.href, relay);
    }
    return relay.url;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client.close();
    for (const relays of [this.#relays, this.#unverified]) {
      for (const relay of relays.values()) relay[Symbol.dispose]();
      relays.clear();
    }
    this.#clients.clear();
  }
}
