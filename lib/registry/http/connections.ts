import { VarveError } from "../../errors.ts";
import type { ClientConfig, Endpoint } from "../contract.ts";
import { type Addresses, AddressRule } from "./address_rule.ts";
import { proxyFor } from "./proxy.ts";
import { ProxyRelay } from "./relay/proxy_relay.ts";
import { UnverifiedRelay } from "./relay/unverified_relay.ts";

/**
 * HTTP clients, one for each combination of origin, TLS settings and proxy. So a connection or TLS
 * session that was made with one set of trusted certificates is never used with another. Dispose it
 * to close all connections.
 */
export class Connections implements Disposable {
  /** The rule that checks each address before a connection. */
  readonly rule: AddressRule;
  readonly #config: ClientConfig;
  readonly #clients = new Map<string, Deno.HttpClient>();
  readonly #proxyRelays = new Map<string, ProxyRelay>();
  readonly #unverifiedRelays = new Map<string, UnverifiedRelay>();

  constructor(config: ClientConfig, addresses?: Addresses) {
    this.#config = config;
    this.rule = new AddressRule(config, addresses);
  }

  /**
   * The client for an address. It trusts the certificates of `endpoint` besides the system's, and
   * shows the endpoint's client certificate only to the endpoint's own origin. With `single`, each
   * connection serves only one request. With `at`, the client connects to that IP address, whatever
   * the name resolves to.
   *
   * @throws {VarveError} `E_UNSUPPORTED` when a certificate or a proxy is malformed
   */
  client(
    url: URL,
    endpoint: Endpoint,
    { single, at }: { readonly single: boolean; readonly at: string | null },
  ): Deno.HttpClient {
    const certificate = url.origin === endpoint.origin ? endpoint.client : null;
    const proxy = proxyFor(url, this.#config.proxies);
    const key = JSON.stringify([url.origin, proxy, endpoint.caCerts, certificate, single, at]);
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = this.#create(url, endpoint, certificate, { proxy, single, at });
      this.#clients.set(key, client);
    }
    return client;
  }

  /**
   * The address to send a request to: `url` itself, or the address of a relay if the endpoint's
   * certificate must not be verified.
   *
   * @throws {VarveError} `E_UNSUPPORTED` when an endpoint that is not verified is behind a proxy
   */
  addressFor(url: URL, endpoint: Endpoint): URL {
    if (!endpoint.unverified || url.origin !== endpoint.origin) return url;
    if (proxyFor(url, this.#config.proxies) !== null) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot connect to ${url.origin}: skip_verify does not work through a proxy`,
        {
          hint:
            "give its certificate authority with ca = … in place of skip_verify, or exclude the host from the proxy with NO_PROXY",
        },
      );
    }
    let relay = this.#unverifiedRelays.get(url.origin);
    if (relay === undefined) {
      relay = new UnverifiedRelay(url);
      this.#unverifiedRelays.set(url.origin, relay);
    }
    return new URL(url.pathname + url.search, relay.origin);
  }

  #create(
    url: URL,
    endpoint: Endpoint,
    certificate: Endpoint["client"],
    { proxy, single, at }: {
      readonly proxy: string | null;
      readonly single: boolean;
      readonly at: string | null;
    },
  ): Deno.HttpClient {
    const secure = url.protocol === "https:";
    const port = Number(url.port || (secure ? 443 : 80));
    try {
      return Deno.createHttpClient({
        // Unread responses on one HTTP/2 connection starve all other streams of that connection.
        http2: false,
        ...(single ? { poolMaxIdlePerHost: 0 } : {}),
        ...(secure ? { caCerts: [...this.#config.caCerts, ...endpoint.caCerts] } : {}),
        ...(secure && certificate !== null ? certificate : {}),
        ...(proxy === null ? {} : { proxy: { url: secure ? this.#proxyAddress(proxy) : proxy } }),
        // A "proxy" of this kind only sets where to connect. The host header and the checked
        // certificate still use the name.
        ...(at === null ? {} : { proxy: { transport: "tcp" as const, hostname: at, port } }),
      });
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      // Drop the text of the error, because it may hold a proxy's password.
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot connect to ${url.origin}: its certificates or the proxy's address are malformed`,
      );
    }
  }

  /**
   * The proxy to pass to `fetch`. For a proxy with a password it is a relay, so that no server
   * behind the proxy sees the password.
   */
  #proxyAddress(proxy: string): string {
    const url = new URL(/^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`);
    if (url.protocol !== "http:" || url.username === "") return proxy;
    let relay = this.#proxyRelays.get(url.href);
    if (relay === undefined) {
      relay = new ProxyRelay(url);
      this.#proxyRelays.set(url.href, relay);
    }
    return relay.url;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client.close();
    for (const relays of [this.#proxyRelays, this.#unverifiedRelays]) {
      for (const relay of relays.values()) relay[Symbol.dispose]();
      relays.clear();
    }
    this.#clients.clear();
  }
}
