import { VarveError } from "../../errors.ts";
import { type JsonObject, type JsonValue, parseStrictJson } from "../../oci/mod.ts";
import type { Credential } from "../contract.ts";
import { credentialFor, type HelperPlace, runHelper } from "./credential_helper.ts";

/** Bytes of a credentials file. */
const MAX_FILE = 1024 * 1024;

/** The key under which Docker keeps what belongs to `docker.io`. */
export const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

/** A file of credentials: Docker's `config.json`, podman's `auth.json`. */
export interface CredentialsFile {
  /** Its path. */
  readonly path: string;
  /** Its fields as they stand, so that others' survive a rewrite. */
  readonly json: JsonObject;
}

/**
 * Reads a file of credentials; `undefined` when there is none.
 *
 * @throws {VarveError} `E_FORMAT` when it is no such file, `E_DENIED` when it cannot be read. What it holds is in no message.
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
    throw fail("E_DENIED", "it is there, and cannot be read");
  }
  if (bytes.every((byte) => byte === 0x20 || byte === 0x0a)) return { path, json: {} };
  let json: JsonValue;
  try {
    json = parseStrictJson(bytes, { what: path, maxBytes: MAX_FILE });
  } catch {
    throw fail("E_FORMAT", "it is not strict JSON");
  }
  if (!isObject(json)) throw fail("E_FORMAT", "it is no JSON object");
  return { path, json };
}

/** How credentials are looked for. */
export interface LookUp extends HelperPlace {
  /** The registry, as references name it: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** The repository: podman's files may have credentials for a part of a registry. */
  readonly repository?: string | undefined;
  /** Told when a helper fails: then there are no credentials. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a file says of a registry: its credential helper, else the store for all, else the entry in
 * `auths`. Nothing of one registry is ever given for another.
 */
export async function findCredential(
  file: CredentialsFile,
  look: LookUp,
): Promise<Credential | undefined> {
  const helper = helperOf(file, look.registry);
  if (helper !== undefined) {
    try {
      const server = serverKey(look.registry);
      const found = await runHelper(helper, "get", server, look, look.signal);
      if (found !== undefined) return found;
    } catch (error) {
      look.signal?.throwIfAborted();
      if (!(error instanceof VarveError)) throw error;
      look.onWarning?.(`${error.message}; going on without credentials for ${look.registry}`);
      return undefined;
    }
  }
  const auths = file.json["auths"];
  if (!isObject(auths)) return undefined;
  for (const key of keysOf(look)) {
    const match = Object.entries(auths).find(([name]) => normalKey(name) === key);
    const credential = match === undefined ? undefined : credentialOf(match[1]);
    if (credential !== undefined) return credential;
  }
  return undefined;
}

/** The credential helper for a registry; an empty name of one stands for the file itself, as Docker has it. */
export function helperOf({ json }: CredentialsFile, registry: string): string | undefined {
  const helpers = json["credHelpers"];
  if (isObject(helpers)) {
    for (const [name, helper] of Object.entries(helpers)) {
      if (normalKey(name) === registry && typeof helper === "string") return helper || undefined;
    }
  }
  const store = json["credsStore"];
  return typeof store === "string" && store !== "" ? store : undefined;
}

/** What a registry is called where credentials are kept. */
export function serverKey(registry: string): string {
  return registry === "docker.io" ? DOCKER_HUB_KEY : registry;
}

/** From the most to the least special: `host/a/b`, `host/a`, `host`. */
function keysOf({ registry, repository }: LookUp): string[] {
  const keys = [registry];
  for (const part of repository?.split("/") ?? []) keys.unshift(`${keys[0]}/${part}`);
  return keys;
}

/** `https://index.docker.io/v1/`, `https://host/v2/` and `host` are what references call it. */
export function normalKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, "");
  const name = bare === key ? key.replace(/\/v[12]\/?$/, "") : bare.split("/", 1)[0] as string;
  const [host = "", ...rest] = name.split("/");
  const known = host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
  return [known, ...rest].join("/").replace(/\/+$/, "");
}

function credentialOf(entry: JsonValue): Credential | undefined {
  if (!isObject(entry)) return undefined;
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
    const bytes = Uint8Array.from(atob(auth), (char) => char.charCodeAt(0));
    const decoded = new TextDecoder().decode(bytes).replace(/\0+$/, "");
    const colon = decoded.indexOf(":");
    if (colon < 1) return undefined;
    return credentialFor(decoded.slice(0, colon), decoded.slice(colon + 1));
  } catch {
    return undefined;
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
