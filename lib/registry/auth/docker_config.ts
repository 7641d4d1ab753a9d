import { VarveError } from "../../errors.ts";
import { permissionError } from "../../linux/mod.ts";
import { type JsonObject, type JsonValue, parseStrictJson } from "../../oci/mod.ts";
import type { Credential } from "../contract.ts";
import { credentialFor, type HelperOptions, runHelper } from "./credential_helper.ts";

/** Maximum size of a credentials file in bytes. */
const MAX_FILE = 1024 * 1024;

/** The key under which Docker keeps the credentials for `docker.io`. */
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

/** A file of credentials: Docker's `config.json`, podman's `auth.json`. */
export interface CredentialsFile {
  /** The path of the file. */
  readonly path: string;
  /** All fields of the file, so that a rewrite keeps fields that varve does not know. */
  readonly json: JsonObject;
}

/**
 * Reads a file of credentials; `undefined` when the file does not exist. Its content never appears
 * in a message.
 *
 * @throws {VarveError} `E_FORMAT` when the file is not a JSON object, `E_DENIED` when it cannot be
 * read
 */
export async function readCredentialsFile(path: string): Promise<CredentialsFile | undefined> {
  const fail = (code: "E_FORMAT" | "E_DENIED", state: string) =>
    new VarveError(code, `Cannot read credentials from ${path}: ${state}`, { subject: path });
  let bytes: Uint8Array;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE) throw fail("E_FORMAT", `it is longer than ${MAX_FILE} bytes`);
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof VarveError) throw error;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw permissionError(error, `read credentials from ${path}`) ??
      fail("E_DENIED", "it exists but cannot be read");
  }
  if (bytes.every((byte) => byte === 0x20 || byte === 0x0a)) return { path, json: {} };
  let json: JsonValue;
  try {
    json = parseStrictJson(bytes, { what: path, maxBytes: MAX_FILE });
  } catch {
    throw fail("E_FORMAT", "it is not strict JSON");
  }
  if (!isJsonObject(json)) throw fail("E_FORMAT", "it is not a JSON object");
  return { path, json };
}

/** Selects the credential to find. */
export interface CredentialQuery extends HelperOptions {
  /** The registry, as references name it: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** The repository, because podman's files may hold credentials for a part of a registry. */
  readonly repository?: string | undefined;
  /** Called when a helper fails; the search then goes on without credentials. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Finds the credential for a registry in a file: from the credential helper of the registry, else
 * from the helper for all registries (`credsStore`), else in `auths`. A credential of one registry
 * is never sent to another registry.
 */
export async function findCredential(
  file: CredentialsFile,
  query: CredentialQuery,
): Promise<Credential | undefined> {
  const helper = helperOf(file, query.registry);
  if (helper !== undefined) {
    try {
      const server = serverKey(query.registry);
      const found = await runHelper(helper, "get", server, query);
      if (found !== undefined) return found;
    } catch (error) {
      query.signal?.throwIfAborted();
      if (!(error instanceof VarveError)) throw error;
      query.onWarning?.(
        `${error.message}; going on without credentials for ${query.registry}`,
      );
      return undefined;
    }
  }
  const auths = file.json["auths"];
  if (!isJsonObject(auths)) return undefined;
  for (const key of keysOf(query)) {
    const match = Object.entries(auths).find(([name]) => normalKey(name) === key);
    const credential = match === undefined ? undefined : credentialOf(match[1]);
    if (credential !== undefined) return credential;
  }
  return undefined;
}

/**
 * The name of the credential helper for a registry. Returns `undefined` when no helper is named or
 * the name is empty, as in Docker. The file itself then holds the credentials.
 */
export function helperOf({ json }: CredentialsFile, registry: string): string | undefined {
  const helpers = json["credHelpers"];
  if (isJsonObject(helpers)) {
    for (const [name, helper] of Object.entries(helpers)) {
      if (normalKey(name) === registry && typeof helper === "string") return helper || undefined;
    }
  }
  const store = json["credsStore"];
  return typeof store === "string" && store !== "" ? store : undefined;
}

/** The key of a registry in credentials files and helpers. */
export function serverKey(registry: string): string {
  return registry === "docker.io" ? DOCKER_HUB_KEY : registry;
}

/** The keys to look up, the most specific first: `host/a/b`, `host/a`, `host`. */
function keysOf({ registry, repository }: CredentialQuery): string[] {
  const keys = [registry];
  for (const part of repository?.split("/") ?? []) keys.unshift(`${keys[0]}/${part}`);
  return keys;
}

/** The registry that a key stands for, as references name it: `https://index.docker.io/v1/` is `docker.io`, `https://host/v2/` is `host`. */
export function normalKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, "");
  const name = bare === key ? key.replace(/\/v[12]\/?$/, "") : bare.split("/", 1)[0] as string;
  const [host = "", ...rest] = name.split("/");
  const known = host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
  return [known, ...rest].join("/").replace(/\/+$/, "");
}

function credentialOf(entry: JsonValue): Credential | undefined {
  if (!isJsonObject(entry)) return undefined;
  const text = (name: string) => {
    const value = entry[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const identity = text("identitytoken");
  if (identity !== undefined) return { kind: "refresh", token: identity };
  const registryToken = text("registrytoken");
  if (registryToken !== undefined && /^[\x21-\x7e]+$/.test(registryToken)) {
    return { kind: "bearer", token: registryToken };
  }
  const [username, password] = [text("username"), text("password")];
  if (username !== undefined && password !== undefined) {
    return { kind: "basic", username, password };
  }
  return decodeAuth(text("auth") ?? "");
}

function decodeAuth(auth: string): Credential | undefined {
  try {
    const bytes = Uint8Array.fromBase64(auth);
    const decoded = new TextDecoder().decode(bytes).replace(/\0+$/, "");
    const colon = decoded.indexOf(":");
    if (colon < 1) return undefined;
    return credentialFor(decoded.slice(0, colon), decoded.slice(colon + 1));
  } catch {
    return undefined;
  }
}

/** Whether a JSON value is an object, and not an array or `null`. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
