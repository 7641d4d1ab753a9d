/**
 * The values that describe how to reach a registry.
 *
 * A **client configuration** is a plain value. The main thread makes it once, from hosts files,
 * credentials and the environment, and workers get a copy: the layer job of a pull fetches its own bytes,
 * so that one thread receives, hashes, inflates and writes them.
 *
 * **Trust.** The client does not trust a registry. It computes digests itself. A redirect, a token
 * realm, an upload location and a link are addresses that an attacker may have chosen. So a
 * credential goes only to its own origin (scheme, host and port), and to a token realm that has the
 * same registrable domain or is named in a hosts file. No such address may lead into the network of
 * this machine: see `http/address_rule.ts`.
 *
 * **Requests.** `fetch` with `accept-encoding: identity`. Redirects are followed by hand: at most
 * 10, never from https to http. Bodies are bounded. Retries wait with a capped back-off, or as long
 * as `Retry-After` says if that is longer. Time-outs measure progress, not duration.
 *
 * **Errors.** `E_REGISTRY`: the registry answered with an error, or not at all. The message holds
 * the status and the registry's own words, escaped and shortened. `E_DENIED`: 401 or 403 after
 * authentication. `E_NOT_FOUND`: what the user named does not exist. `E_DIGEST`, `E_SIZE`,
 * `E_LIMIT`, …: bad data. No error and no log holds a credential, a token or the query of a signed
 * URL.
 *
 * @module
 */

/** What an endpoint may be used for (containerd's hosts.toml, "capabilities"). */
export type Capability = "pull" | "resolve" | "push";

/** One address that serves a registry: the registry itself, or a mirror of it. */
export interface Endpoint {
  /** `https://host:port`, without a path. Credentials are looked up by this origin. */
  readonly origin: string;
  /**
   * Whether the scheme is assumed, because none is configured: http for this machine, https for all
   * other hosts.
   */
  readonly assumed?: boolean | undefined;
  /** The path before the repository: `/v2`, unless a hosts file overrides it. */
  readonly path: string;
  /** What the endpoint may be used for. */
  readonly capabilities: readonly Capability[];
  /**
   * The registry that a mirror mirrors, which is sent as the query parameter `ns`; `null` for the
   * registry itself.
   */
  readonly namespace: string | null;
  /** Additional headers from the hosts file. They are sent only to this origin. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Origins of token servers that may get the endpoint's credential, besides the servers of its own
   * domain.
   */
  readonly realms: readonly string[];
  /**
   * Origins, besides its own, that the registry may redirect to even if their addresses are not
   * public.
   */
  readonly redirects?: readonly string[] | undefined;
  /**
   * Whether any certificate is accepted (`skip_verify`). An attacker in the middle can then read
   * everything.
   */
  readonly unverified: boolean;
  /** PEM certificates of authorities to trust besides the system's. */
  readonly caCerts: readonly string[];
  /** Client certificate and key, PEM. */
  readonly client: { readonly cert: string; readonly key: string } | null;
}

/** A user's credential for one origin. */
export type Credential =
  | {
    /** A user name and a password. */
    readonly kind: "basic";
    /** The user's name. */
    readonly username: string;
    /** The password, or an access token in its place. */
    readonly password: string;
  }
  | {
    /** An OAuth2 refresh token (Docker's identity token). */
    readonly kind: "refresh";
    /** The refresh token, which is exchanged for a bearer token. */
    readonly token: string;
  }
  | {
    /** A bearer token for the registry. */
    readonly kind: "bearer";
    /** The bearer token, which is sent unchanged. */
    readonly token: string;
  };

/** The proxies of the environment. */
export interface Proxies {
  /** Proxy for `http:` addresses; `null` for none. */
  readonly http: string | null;
  /** Proxy for `https:` addresses; `null` for none. */
  readonly https: string | null;
  /** Hosts that are reached without a proxy: domain names with all names below them, IP addresses, networks, `*`. Loopback never has a proxy. */
  readonly none: readonly string[];
}

/** Everything that a client needs to speak to one registry, as a value. */
export interface ClientConfig {
  /** The registry's name in references, such as `docker.io`. */
  readonly registry: string;
  /** The endpoints in the order in which they are tried; the registry itself is last. */
  readonly endpoints: readonly Endpoint[];
  /** Credentials by origin. An origin without an entry gets no credential. */
  readonly credentials: Readonly<Record<string, Credential>>;
  /** The proxies to use. */
  readonly proxies: Proxies;
  /** PEM certificates of the system, trusted for every origin. */
  readonly caCerts: readonly string[];
  /** Milliseconds without progress after which a transfer fails. */
  readonly idleTimeout: number;
  /** Maximum number of tries of one request. */
  readonly attempts: number;
  /** Milliseconds before the first retry. The wait doubles for each further retry. */
  readonly backoff: number;
  /** The `user-agent` header. */
  readonly userAgent: string;
}

/** An authorization that a registry accepts for a while. */
export interface Token {
  /** The `authorization` header. */
  readonly authorization: string;
  /** Milliseconds since the epoch after which the token is no longer used. */
  readonly expiresAt: number;
}

/** Tokens by origin and scope, so that threads can share them. */
export type Tokens = Readonly<Record<string, Token>>;
