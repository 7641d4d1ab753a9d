/**
 * Registries: the OCI distribution specification as values and two small interfaces.
 *
 * A **client configuration** is a plain value, made once on the main thread from
 * hosts files, credentials and the environment, and cloned into workers: the layer
 * job of a pull fetches its own bytes, so that they are hashed, inflated and
 * written on the thread that received them.
 *
 * Trust: nothing that a registry says is believed. Digests are computed here; a
 * redirect, a token realm, an upload location and a link are addresses that an
 * attacker may have chosen, so credentials go to their own origin only (scheme,
 * host and port), and to a token realm of the same registrable domain or that a
 * hosts file names.
 *
 * Transfers: `fetch` with `accept-encoding: identity`, redirects followed by hand
 * (at most 10, never from https to http), bodies bounded, retries with capped
 * back-off and Retry-After, time-outs that measure progress and not duration.
 *
 * Errors: `E_REGISTRY` (the registry answered with an error, or not at all; the
 * status and the registry's own words, escaped and cut, are in the message),
 * `E_DENIED` 401 and 403 after authentication, `E_NOT_FOUND` what the user named,
 * `E_DIGEST`, `E_SIZE`, `E_LIMIT`, … bad data. No error and no log holds a
 * credential, a token or the query of a signed URL.
 */

/** What an endpoint may be used for (containerd's hosts.toml, "capabilities"). */
export type Capability = "pull" | "resolve" | "push";

/** One address that serves a registry: the registry itself, or a mirror of it. */
export interface Endpoint {
  /** `https://host:port`, without a path; credentials belong to it. */
  readonly origin: string;
  /** Whether its scheme was nobody's choice, but follows from where it is. */
  readonly assumed?: boolean | undefined;
  /** Path in front of the repository, `/v2` unless a hosts file overrides it. */
  readonly path: string;
  /** What it may be used for. */
  readonly capabilities: readonly Capability[];
  /** For a mirror: the registry that it stands for, sent as `ns`. */
  readonly namespace: string | null;
  /** Further headers, from the hosts file; they go to this origin only. */
  readonly headers: Readonly<Record<string, string>>;
  /** Origins of token servers that get its credentials, besides those of its own domain. */
  readonly realms: readonly string[];
  /** Whether any certificate is believed (`skip_verify`): whoever stands between reads what is sent. */
  readonly unverified: boolean;
  /** PEM certificates to trust besides the system's. */
  readonly caCerts: readonly string[];
  /** Client certificate and key, PEM. */
  readonly client: { readonly cert: string; readonly key: string } | null;
}

/** What is known of a user at one origin. */
export type Credential =
  | {
    /** Name and password. */
    readonly kind: "basic";
    /** The name. */
    readonly username: string;
    /** The password, or an access token in its place. */
    readonly password: string;
  }
  | {
    /** An OAuth2 refresh token (Docker's identity token). */
    readonly kind: "refresh";
    /** The token. */
    readonly token: string;
  }
  | {
    /** A registry token, sent as it is. */
    readonly kind: "bearer";
    /** The token. */
    readonly token: string;
  };

/** Proxies, as the environment names them. */
export interface Proxies {
  /** For `http:` addresses. */
  readonly http: string | null;
  /** For `https:` addresses. */
  readonly https: string | null;
  /** Hosts that are reached without one: names (with all below them), addresses, `*`. Loopback never has one. */
  readonly none: readonly string[];
}

/** Everything that a client needs to speak to one registry, as a value. */
export interface ClientConfig {
  /** The registry's name in references, such as `docker.io`. */
  readonly registry: string;
  /** In the order in which they are tried; the registry itself is last. */
  readonly endpoints: readonly Endpoint[];
  /** By origin; an origin that is not here gets none. */
  readonly credentials: Readonly<Record<string, Credential>>;
  /** Proxies. */
  readonly proxies: Proxies;
  /** PEM certificates of the system, trusted for every origin. */
  readonly caCerts: readonly string[];
  /** Milliseconds without any progress after which a transfer is given up. */
  readonly idleTimeout: number;
  /** Tries of one request, the first included. */
  readonly attempts: number;
  /** Milliseconds before the second try; doubled for each further one. */
  readonly backoff: number;
  /** Sent as `user-agent`. */
  readonly userAgent: string;
}

/** A token that a registry gave, and what it is for. */
export interface Token {
  /** The `authorization` header. */
  readonly authorization: string;
  /** ms since the epoch after which it is not used any more. */
  readonly expiresAt: number;
}

/** Tokens by origin and scope: what one thread got, another need not ask for again. */
export type Tokens = Readonly<Record<string, Token>>;
