import { VarveError } from "../../errors.ts";
import { parseStrictJson } from "../../oci/mod.ts";
import type { ClientConfig, Credential, Endpoint, Token } from "../contract.ts";
import { basicAuthorization } from "../http/basic_auth.ts";
import { readWhole } from "../http/body.ts";
import type { Connections } from "../http/connections.ts";
import { redactUrl } from "../http/redact.ts";
import { NetworkFailure, registryError } from "../http/registry_error.ts";
import { isTransient, retryAfter } from "../http/retry.ts";
import { sendRequest } from "../http/send_request.ts";
import type { Challenge } from "./challenge.ts";
import { deniedHint } from "./denied_hint.ts";
import { realmIsTrusted } from "./realm_trust.ts";

/** Maximum length of a token server's answer in bytes. */
const MAX_TOKEN_BODY = 64 * 1024;
/**
 * Minimum life of a token in seconds, and its life when the server names none (distribution,
 * "token").
 */
const MIN_LIFE = 60;
/** Maximum life of a token in seconds, whatever the server says. */
const MAX_LIFE = 3600;
/** A token counts as expired this number of seconds before its expiry. */
const EARLY = 10;

/** Everything that is needed to answer a challenge. */
export interface AuthContext {
  /** The endpoint that sent the challenge. */
  readonly endpoint: Endpoint;
  /** The scope that the request needs: `repository:library/debian:pull`, or `""`. It is never taken from a challenge. */
  readonly scope: string;
  /** The connections to use. */
  readonly connections: Connections;
  /** Settings and credentials. */
  readonly config: ClientConfig;
  /** Aborts the request for a token. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the credential must be checked. An anonymous token is then an error. */
  readonly mustAuthenticate?: boolean | undefined;
}

/**
 * Fetches a token from the realm that a challenge names (distribution, "token" and "oauth").
 *
 * @throws {VarveError} `E_DENIED` when the token server refuses, `E_REGISTRY` when it fails
 */
export async function fetchToken(
  challenge: Challenge,
  credential: Credential | undefined,
  context: AuthContext,
): Promise<Token> {
  const { endpoint, scope, connections, config, signal, mustAuthenticate } = context;
  const realm = realmOf(challenge, endpoint);
  const action = `get a token for ${endpoint.origin} from ${redactUrl(realm)}`;
  // An attacker may have written this realm into the challenge, so only a trusted realm gets the
  // credential.
  const isTrusted = credential !== undefined && (endpoint.realms.includes(realm.origin) ||
    await realmIsTrusted(new URL(endpoint.origin), realm));
  const shown = isTrusted ? credential : undefined;
  const isWithheld = credential !== undefined && !isTrusted;
  const denied = (state: string, status: number) =>
    new VarveError("E_DENIED", `Cannot ${action}: ${state}`, {
      status: status === 0 ? undefined : status,
      hint: isWithheld
        ? `credentials do not go to ${realm.host} unless hosts.toml has token_realms = ["${realm.origin}"]`
        : deniedHint({ registry: config.registry, status, credential, mustAuthenticate }),
    });
  if (isWithheld && mustAuthenticate === true) throw denied("it is of another domain", 0);
  const service = challenge.parameters.get("service") ?? "";
  const { response } = await sendRequest(
    {
      ...tokenRequest(realm, { service, scope, credential: shown }),
      action,
      signal,
      // An attacker may have chosen the realm, so its address is checked and no redirect is
      // followed.
      asker: endpoint,
      redirects: 0,
    },
    tokenEndpoint(realm, endpoint),
    connections,
    config,
  );
  const options = { action, idleTimeout: config.idleTimeout, signal };
  if (response.status !== 200) {
    await response.body?.cancel();
    const { status } = response;
    const state = `it answers ${status}`;
    if (isTransient(response)) {
      throw new NetworkFailure(action, state, retryAfter(response), { status });
    }
    const isDenied = [401, 403].includes(status) || (status === 400 && shown?.kind === "refresh");
    throw isDenied ? denied(state, status) : registryError(action, state, { status });
  }
  return readToken(await readWhole(response, MAX_TOKEN_BODY, options), action);
}

/** The address of the token server. @throws {VarveError} `E_REGISTRY` when it must not be used */
function realmOf(challenge: Challenge, endpoint: Endpoint): URL {
  const action = `authenticate at ${endpoint.origin}`;
  let realm: URL;
  try {
    realm = new URL(challenge.parameters.get("realm") ?? "");
  } catch {
    throw registryError(action, "the realm of its challenge is not an address");
  }
  if (realm.protocol !== "https:" && realm.protocol !== "http:") {
    throw registryError(action, `its realm is a ${realm.protocol} address`);
  }
  if (endpoint.origin.startsWith("https:") && realm.protocol === "http:") {
    throw registryError(action, "its realm is plain http");
  }
  if (realm.username !== "" || realm.password !== "") {
    throw registryError(action, "its realm is an address with a user");
  }
  realm.hash = "";
  return realm;
}

/**
 * The realm as a separate endpoint, without the headers and the client certificate of the registry.
 */
function tokenEndpoint(realm: URL, endpoint: Endpoint): Endpoint {
  return {
    ...endpoint,
    origin: realm.origin,
    assumed: false,
    unverified: endpoint.unverified && realm.hostname === new URL(endpoint.origin).hostname,
    headers: {},
    client: null,
  };
}

/**
 * The request for a token: a GET with a query, with Basic if there is a password; a POST with a
 * form for a refresh token.
 */
function tokenRequest(
  realm: URL,
  { service, scope, credential }: {
    readonly service: string;
    readonly scope: string;
    readonly credential: Credential | undefined;
  },
) {
  const url = new URL(realm);
  const accept = "application/json";
  const form = new URLSearchParams();
  if (service !== "") form.set("service", service);
  if (credential?.kind === "refresh") {
    // A form has all scopes in one field, a query has one parameter for each scope.
    if (scope !== "") form.append("scope", scope);
    form.set("grant_type", "refresh_token");
    form.set("refresh_token", credential.token);
    form.set("client_id", "varve");
    return {
      method: "POST",
      url,
      headers: { accept, "content-type": "application/x-www-form-urlencoded" },
      body: new TextEncoder().encode(form.toString()),
    };
  }
  for (const one of scope.split(" ")) if (one !== "") form.append("scope", one);
  if (credential?.kind === "basic") form.set("account", credential.username);
  for (const [name, value] of form) url.searchParams.append(name, value);
  const authorization = credential?.kind === "basic"
    ? { authorization: basicAuthorization(credential.username, credential.password) }
    : {};
  return { method: "GET", url, headers: { accept, ...authorization } };
}

/** Reads the answer of a token server. @throws {VarveError} `E_REGISTRY` when it holds no token */
function readToken(bytes: Uint8Array, action: string): Token {
  let json: unknown;
  try {
    json = parseStrictJson(bytes, { what: "token", maxBytes: MAX_TOKEN_BODY });
  } catch {
    throw registryError(action, "the answer is not JSON");
  }
  const fields = typeof json === "object" && json !== null ? json as Record<string, unknown> : {};
  const token = fields["token"] || fields["access_token"];
  // A token with other characters would not fit into a header, or would split it.
  if (typeof token !== "string" || !/^[\x21-\x7e]{1,65536}$/.test(token)) {
    throw registryError(action, "the answer holds no token");
  }
  const declared = Number(fields["expires_in"] ?? MIN_LIFE);
  const life = Math.min(MAX_LIFE, Math.max(MIN_LIFE, Number.isNaN(declared) ? MIN_LIFE : declared));
  return { authorization: `Bearer ${token}`, expiresAt: Date.now() + (life - EARLY) * 1000 };
}
