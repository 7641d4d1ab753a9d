import { VarveError } from "../../errors.ts";
import { parseStrictJson } from "../../oci/mod.ts";
import { readWhole } from "../http/body.ts";
import type { Connections } from "../http/connections.ts";
import { exchange, NetworkFailure } from "../http/exchange.ts";

import { registryError, shownUrl } from "../http/redact.ts";
import { isPassing, retryAfter } from "../http/retry.ts";
import type { ClientConfig, Credential, Endpoint, Token } from "../contract.ts";
import type { Challenge } from "./challenge.ts";
import { deniedHint } from "./denied_hint.ts";
import { realmIsTrusted } from "./realm_trust.ts";

/** Bytes of a token server's answer. */
const MAX_TOKEN_BODY = 64 * 1024;
/** Seconds that a token lasts at least, and when the server does not say (distribution, "token"). */
const MIN_LIFE = 60;
/** Seconds after which a token is asked for again, whatever the server says. */
const MAX_LIFE = 3600;
/** Seconds before its end at which a token is no longer used. */
const EARLY = 10;

/** What answers a challenge. */
export interface AuthContext {
  /** Whose challenge it is. */
  readonly endpoint: Endpoint;
  /** What the request needs: `repository:library/debian:pull`, or `""`. Never taken from a challenge. */
  readonly scope: string;
  /** Connections. */
  readonly connections: Connections;
  /** Settings and credentials. */
  readonly config: ClientConfig;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Whether a token for nobody is of no use. */
  readonly proves?: boolean | undefined;
}

/**
 * The `authorization` header that answers one of the challenges, best first: a token, then Basic.
 * `undefined` when nothing that is known answers any of them.
 *
 * @throws {VarveError} `E_REGISTRY`, `E_DENIED` when the token server refuses
 */
export async function authorize(
  challenges: readonly Challenge[],
  context: AuthContext,
): Promise<Token | undefined> {
  const { endpoint, config } = context;
  const credential = config.credentials[endpoint.origin];
  const find = (scheme: string) => challenges.find((challenge) => challenge.scheme === scheme);
  const bearer = find("bearer");
  if (bearer !== undefined) {
    if (credential?.kind === "bearer") {
      return { authorization: `Bearer ${credential.token}`, expiresAt: Infinity };
    }
    return await fetchToken(bearer, credential, context);
  }
  if (find("basic") === undefined || credential?.kind !== "basic") return undefined;
  return { authorization: basic(credential), expiresAt: Infinity };
}

/** A token from the realm that the challenge names. */
async function fetchToken(
  challenge: Challenge,
  credential: Credential | undefined,
  context: AuthContext,
): Promise<Token> {
  const { endpoint, scope, connections, config, signal, proves } = context;
  const realm = realmOf(challenge, endpoint);
  const action = `get a token for ${endpoint.origin} from ${shownUrl(realm)}`;
  // An attacker may have written this realm into the challenge: only a trusted one gets the credential.
  const isTrusted = credential !== undefined && (endpoint.realms.includes(realm.origin) ||
    await realmIsTrusted(new URL(endpoint.origin), realm));
  const trusted = isTrusted ? credential : undefined;
  const untold = credential !== undefined && !isTrusted;
  const denied = (state: string, status: number) =>
    new VarveError("E_DENIED", `Cannot ${action}: ${state}`, {
      hint: untold
        ? `credentials do not go to ${realm.host} unless hosts.toml has token_realms = ["${realm.origin}"]`
        : deniedHint({ registry: config.registry, status, credential, proves }),
    });
  if (untold && proves === true) throw denied("it is of another domain", 0);
  const service = challenge.parameters.get("service") ?? "";
  const form = new URLSearchParams();
  if (service !== "") form.set("service", service);
  const refresh = trusted?.kind === "refresh";
  // Several in one field of a form, in one parameter each of a query (distribution, "token", "oauth").
  const scopes = refresh ? [scope] : scope.split(" ");
  for (const one of scopes) if (one !== "") form.append("scope", one);
  if (refresh) {
    form.set("grant_type", "refresh_token");
    form.set("refresh_token", trusted.token);
    form.set("client_id", "varve");
  } else if (trusted?.kind === "basic") form.set("account", trusted.username);
  const url = new URL(realm);
  if (!refresh) { for (const [name, value] of form) url.searchParams.append(name, value); }
  // Its own origin counts as the endpoint here; the registry's headers and client certificate stay away.
  const server: Endpoint = {
    ...endpoint,
    origin: realm.origin,
    assumed: false,
    unverified: endpoint.unverified && realm.hostname === new URL(endpoint.origin).hostname,
    headers: {},
    client: null,
  };
  const { response } = await exchange(
    {
      method: refresh ? "POST" : "GET",
      url,
      headers: {
        accept: "application/json",
        ...(refresh ? { "content-type": "application/x-www-form-urlencoded" } : {}),
        ...(trusted?.kind === "basic" ? { authorization: basic(trusted) } : {}),
      },
      action,
      signal,
      ...(refresh ? { body: new TextEncoder().encode(form.toString()) } : {}),
      // Where a token server sends one on to is nobody's to choose.
      redirects: 0,
    },
    server,
    connections,
    config,
  );
  const options = { action, idleTimeout: config.idleTimeout, signal };
  if (response.status !== 200) {
    await response.body?.cancel();
    const { status } = response;
    const state = `it answers ${status}`;
    if (isPassing(response)) throw new NetworkFailure(action, state, retryAfter(response));
    if ([401, 403].includes(status) || (status === 400 && refresh)) throw denied(state, status);
    throw registryError(action, state);
  }
  return readToken(await readWhole(response, MAX_TOKEN_BODY, options), action);
}

function realmOf(challenge: Challenge, endpoint: Endpoint): URL {
  const action = `authenticate at ${endpoint.origin}`;
  let realm: URL;
  try {
    realm = new URL(challenge.parameters.get("realm") ?? "");
  } catch {
    throw registryError(action, "its challenge names no realm that is an address");
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

/** @throws {VarveError} `E_REGISTRY` when it is no token */
function readToken(bytes: Uint8Array, action: string): Token {
  let json: unknown;
  try {
    json = parseStrictJson(bytes, { what: "token", maxBytes: MAX_TOKEN_BODY });
  } catch {
    throw registryError(action, "the answer is not JSON");
  }
  const fields = typeof json === "object" && json !== null ? json as Record<string, unknown> : {};
  const token = fields["token"] || fields["access_token"];
  // What a header cannot hold, or would be split by, is no token.
  if (typeof token !== "string" || !/^[\x21-\x7e]{1,65536}$/.test(token)) {
    throw registryError(action, "the answer holds no token");
  }
  const said = Number(fields["expires_in"] ?? MIN_LIFE);
  const life = Math.min(MAX_LIFE, Math.max(MIN_LIFE, Number.isNaN(said) ? MIN_LIFE : said));
  return { authorization: `Bearer ${token}`, expiresAt: Date.now() + (life - EARLY) * 1000 };
}

function basic({ username, password }: Extract<Credential, { kind: "basic" }>): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `Basic ${btoa(text)}`;
}
