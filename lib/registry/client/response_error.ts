import { VarveError } from "../../errors.ts";
import { deniedHint } from "../auth/denied_hint.ts";
import type { ClientConfig, Endpoint, Tokens } from "../contract.ts";
import { readWhole } from "../http/body.ts";
import { redactText } from "../http/redact.ts";
import { NetworkFailure, registryError } from "../http/registry_error.ts";
import { isTransient, retryAfter } from "../http/retry.ts";
import type { HttpRequest, HttpResponse } from "../http/send_request.ts";
import { tlsHint } from "../http/tls_hint.ts";

/** Maximum number of bytes that are read from the body of an error response. */
const MAX_ERROR_BODY = 64 * 1024;

/**
 * A header value from a hosts file is redacted if it has at least this number of characters. A
 * shorter value is a common word, not a secret.
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
  const { words, registryCode } = await readWords(response, context, secretsOf(config, tokens));
  const { status } = response;
  const details = { status, registryCode };
  const isOwn = url.origin === endpoint.origin;
  const who = isOwn ? "the registry" : url.origin;
  const state = `${who} answers ${status}${words === "" ? "" : ` (${words})`}`;
  const message = `Cannot ${action}: ${state}`;
  if (status === 401 || status === 403) {
    // If another server refused, such as a storage service to which the registry redirected, a
    // login does not help.
    if (!isOwn) return new VarveError("E_DENIED", message, details);
    const credential = config.credentials[endpoint.origin];
    const { registry } = config;
    const hint = deniedHint({ registry, status, credential, mustAuthenticate });
    return new VarveError("E_DENIED", message, { ...details, hint });
  }
  if (status === 404) return new VarveError("E_NOT_FOUND", message, details);
  if (isTransient(response)) {
    return new NetworkFailure(action, state, retryAfter(response), details);
  }
  // A TLS server answers plain http with a bare 400. A registry would add an explanation.
  const suggestsTls = isOwn && status === 400 && words === "";
  const hint = suggestsTls ? tlsHint(endpoint) : undefined;
  return registryError(action, state, { ...details, hint });
}

/** What a registry says about its error. */
interface Words {
  /** Its codes and messages, redacted; `""` when it says nothing. */
  readonly words: string;
  /** The code of its first error. */
  readonly registryCode?: string | undefined;
}

/** Maximum length of an error code that is kept. The specification's codes have up to 21 characters. */
const MAX_CODE = 40;

/** The registry's own words about its error (distribution-spec, "Error Codes"). */
async function readWords(
  response: Response,
  { request: { action, signal }, config: { idleTimeout } }: RequestContext,
  secrets: Iterable<string>,
): Promise<Words> {
  let text: string;
  try {
    const bytes = await readWhole(response, MAX_ERROR_BODY, { action, idleTimeout, signal });
    text = new TextDecoder().decode(bytes);
  } catch {
    signal?.throwIfAborted();
    return { words: "" };
  }
  const errors = errorsIn(text);
  return { words: redactText(errorWords(errors), secrets), registryCode: codeOf(errors) };
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

/** The first errors of `{"errors":[{"code","message"}]}`; an empty list for any other text. */
function errorsIn(text: string): readonly Record<string, unknown>[] {
  try {
    const { errors } = JSON.parse(text) as { errors?: unknown | undefined };
    if (!Array.isArray(errors)) return [];
    return errors.slice(0, 3).filter((error) => typeof error === "object" && error !== null);
  } catch {
    return [];
  }
}

function errorWords(errors: readonly Record<string, unknown>[]): string {
  return errors.map(({ code, message }) =>
    [code, message].filter((part) => typeof part === "string").join(": ")
  ).join("; ");
}

/**
 * The code of the first error: a word in capital letters, such as `MANIFEST_UNKNOWN`. Any other text
 * is dropped, because it may be a secret.
 */
function codeOf([first]: readonly Record<string, unknown>[]): string | undefined {
  const code = first?.["code"];
  const isCode = typeof code === "string" && code.length <= MAX_CODE &&
    /^[A-Z][A-Z0-9_]*$/.test(code);
  return isCode ? code : undefined;
}
