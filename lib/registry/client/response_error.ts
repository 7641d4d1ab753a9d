import { VarveError } from "../../errors.ts";
import { deniedHint } from "../auth/denied_hint.ts";
import type { ClientConfig, Endpoint, Tokens } from "../contract.ts";
import { readWhole } from "../http/body.ts";
import { redactText } from "../http/redact.ts";
import { NetworkFailure, registryError } from "../http/registry_error.ts";
import { isTransient, retryAfter } from "../http/retry.ts";
import type { HttpRequest, HttpResponse } from "../http/send_request.ts";
import { tlsHint } from "../http/tls_hint.ts";

/** Maximum bytes of an error's body that are read. */
const MAX_ERROR_BODY = 64 * 1024;

/**
 * Minimum length, in characters, of a hosts file's header value that is redacted. A shorter value
 * is a common word, not a secret.
 */
const MIN_SECRET = 6;

/** The request that a response answers. */
export interface RequestContext {
  readonly endpoint: Endpoint;
  readonly request: Pick<HttpRequest, "action" | "signal"> & {
    readonly mustAuthenticate?: boolean | undefined;
  };
  readonly config: ClientConfig;
}

/**
 * Makes the error for a response with an error status. The message holds the registry's own words,
 * redacted.
 */
export async function responseError(
  { response, url }: HttpResponse,
  context: RequestContext,
  tokens: Tokens,
): Promise<VarveError> {
  const { endpoint, request: { action, mustAuthenticate }, config } = context;
  const words = await readWords(response, context, secretsOf(config, tokens));
  const { status } = response;
  const isOwn = url.origin === endpoint.origin;
  const who = isOwn ? "the registry" : url.origin;
  const state = `${who} answers ${status}${words === "" ? "" : ` (${words})`}`;
  const message = `Cannot ${action}: ${state}`;
  if (status === 401 || status === 403) {
    // If another server refused, such as a storage service to which the registry redirected, a
    // login does not help.
    if (!isOwn) return new VarveError("E_DENIED", message);
    const credential = config.credentials[endpoint.origin];
    const { registry } = config;
    const hint = deniedHint({ registry, status, credential, mustAuthenticate });
    return new VarveError("E_DENIED", message, { hint });
  }
  if (status === 404) return new VarveError("E_NOT_FOUND", message);
  if (isTransient(response)) return new NetworkFailure(action, state, retryAfter(response));
  // A TLS server answers plain http with a bare 400. A registry would add an explanation.
  const suggestsTls = isOwn && status === 400 && words === "";
  return registryError(action, state, suggestsTls ? tlsHint(endpoint) : undefined);
}

/** The registry's own words about its error (distribution-spec, "Error Codes"), redacted. */
async function readWords(
  response: Response,
  { request: { action, signal }, config: { idleTimeout } }: RequestContext,
  secrets: Iterable<string>,
): Promise<string> {
  let text: string;
  try {
    const bytes = await readWhole(response, MAX_ERROR_BODY, { action, idleTimeout, signal });
    text = new TextDecoder().decode(bytes);
  } catch {
    signal?.throwIfAborted();
    return "";
  }
  return redactText(errorWords(text), secrets);
}

/** All strings that must not appear in a message. */
function* secretsOf({ credentials, endpoints }: ClientConfig, tokens: Tokens): Iterable<string> {
  for (const { authorization } of Object.values(tokens)) {
    yield authorization.slice(authorization.indexOf(" ") + 1);
  }
  for (const credential of Object.values(credentials)) {
    yield credential.kind === "basic" ? credential.password : credential.token;
  }
  for (const { headers } of endpoints) {
    for (const value of Object.values(headers)) if (value.length >= MIN_SECRET) yield value;
  }
}

/** The words of `{"errors":[{"code","message"}]}`; `""` for any other text. */
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
