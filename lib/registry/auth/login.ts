import { VarveError } from "../../errors.ts";
import { permissionError } from "../../linux/mod.ts";
import { type JsonObject, jsonText, type JsonValue } from "../../oci/mod.ts";
import { type HelperEnvironment, runHelper } from "./credential_helper.ts";
import {
  helperOf,
  isJsonObject,
  normalKey,
  readCredentialsFile,
  serverKey,
} from "./docker_config.ts";
import { replaceFile } from "./replace_file.ts";

/** Selects the credentials to store or erase. */
export interface LoginOptions extends Partial<HelperEnvironment> {
  /** Docker's `config.json`; created when it does not exist. */
  readonly file: string;
  /** The registry, as references name it. */
  readonly registry: string;
  /** Kills a credential helper that is running. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Stores a user's name and password as `docker login` does: with the credential helper that the file
 * names for the registry, else in the file itself.
 *
 * The file is replaced atomically, and keeps all of its other fields. A new file has mode 0600. An
 * existing file keeps owner, group and mode, but a mode that gives rights to all users becomes 0600.
 *
 * @returns the place of the credentials: the path of the file, or the program of the helper
 * @throws {VarveError} `E_FORMAT`, `E_DENIED` of the file; `E_PRECONDITION` of the helper
 */
export async function storeCredential(
  { username, password }: { readonly username: string; readonly password: string },
  { file, registry, path = "", variables, signal }: LoginOptions,
): Promise<string> {
  const read = await readCredentialsFile(file) ?? { path: file, json: {} };
  const helper = helperOf(read, registry);
  const { auths, had } = withoutRegistry(read.json["auths"], registry);
  if (helper !== undefined) {
    const entry = { ServerURL: serverKey(registry), Username: username, Secret: password };
    await runHelper(helper, "store", JSON.stringify(entry), { path, variables, signal });
    // A password from an earlier login must not stay in the file.
    if (had) await write(file, { ...read.json, auths });
    return `docker-credential-${helper}`;
  }
  const auth = new TextEncoder().encode(`${username}:${password}`).toBase64();
  await write(file, { ...read.json, auths: { ...auths, [serverKey(registry)]: { auth } } });
  return file;
}

/**
 * Erases the credential that {@linkcode storeCredential} stored for a registry.
 *
 * @returns whether there was a credential
 * @throws {VarveError} as {@linkcode storeCredential}
 */
export async function eraseCredential(
  { file, registry, path = "", variables, signal }: LoginOptions,
): Promise<boolean> {
  const read = await readCredentialsFile(file);
  if (read === undefined) return false;
  const helper = helperOf(read, registry);
  let isStored = false;
  if (helper !== undefined) {
    const server = serverKey(registry);
    const options = { path, variables, signal };
    isStored = await runHelper(helper, "get", server, options) !== undefined;
    if (isStored) await runHelper(helper, "erase", server, options);
  }
  const { auths, had } = withoutRegistry(read.json["auths"], registry);
  if (had) await write(file, { ...read.json, auths });
  return had || isStored;
}

/** The entries of all other registries, and whether this registry had an entry. */
function withoutRegistry(
  auths: JsonValue | undefined,
  registry: string,
): { readonly auths: JsonObject; readonly had: boolean } {
  if (!isJsonObject(auths)) return { auths: {}, had: false };
  const all = Object.entries(auths);
  const others = all.filter(([key]) => normalKey(key) !== registry);
  return { auths: Object.fromEntries(others), had: others.length < all.length };
}

async function write(file: string, json: JsonObject): Promise<void> {
  try {
    await replaceFile(file, new TextEncoder().encode(`${dockerJson(json)}\n`));
  } catch (error) {
    const action = `write credentials to ${file}`;
    throw permissionError(error, action) ??
      new VarveError("E_DENIED", `Cannot ${action}: it cannot be replaced`, { subject: file });
  }
}

/** JSON as Docker writes it, indented with tabs. Long integers keep all of their digits. */
function dockerJson(value: JsonValue, indent = "\n"): string {
  const inner = `${indent}\t`;
  if (Array.isArray(value) && value.length > 0) {
    return `[${value.map((one) => inner + dockerJson(one, inner)).join()}${indent}]`;
  }
  if (!isJsonObject(value) || Object.keys(value).length === 0) return jsonText(value);
  const members = Object.entries(value).map(([key, one]) =>
    `${inner}${JSON.stringify(key)}: ${dockerJson(one, inner)}`
  );
  return `{${members.join()}${indent}}`;
}
