import { VarveError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../oci/mod.ts";
import { runHelper } from "./credential_helper.ts";
import { helperOf, normalKey, readCredentialsFile, serverKey } from "./docker_config.ts";

/** Whose credentials, and where they are kept. */
export interface LoginOptions {
  /** Docker's `config.json`; made when it is missing. */
  readonly file: string;
  /** The registry, as references name it. */
  readonly registry: string;
  /** Where credential helpers are, `:` between directories. */
  readonly path?: string;
  /** Cancels. */
  readonly signal?: AbortSignal;
}

/**
 * Keeps a user's name and password as `docker login` does: with the credential helper that the file
 * names for the registry, else in the file itself, which is replaced atomically and readable by its owner alone.
 * What else the file holds stays.
 *
 * @returns where they are: the file's path, or the helper's program
 * @throws {VarveError} `E_FORMAT`, `E_DENIED` of the file; `E_PRECONDITION` of the helper
 */
export async function storeCredential(
  { username, password }: { readonly username: string; readonly password: string },
  { file, registry, path = "", signal }: LoginOptions,
): Promise<string> {
  const read = await readCredentialsFile(file) ?? { path: file, json: {} };
  const helper = helperOf(read, registry);
  if (helper !== undefined) {
    const entry = { ServerURL: serverKey(registry), Username: username, Secret: password };
    await runHelper(helper, "store", JSON.stringify(entry), path, signal);
    return `docker-credential-${helper}`;
  }
  const auth = base64(`${username}:${password}`);
  const auths = withoutKeys(read.json["auths"], registry);
  await write(file, { ...read.json, auths: { ...auths, [serverKey(registry)]: { auth } } });
  return file;
}

/**
 * Forgets what {@linkcode storeCredential} kept.
 *
 * @returns whether there was something
 * @throws {VarveError} as {@linkcode storeCredential}
 */
export async function eraseCredential(
  { file, registry, path = "", signal }: LoginOptions,
): Promise<boolean> {
  const read = await readCredentialsFile(file);
  if (read === undefined) return false;
  const helper = helperOf(read, registry);
  if (helper !== undefined) {
    await runHelper(helper, "erase", serverKey(registry), path, signal);
  }
  const before = read.json["auths"];
  const auths = withoutKeys(before, registry);
  const had = isObject(before) && Object.keys(before).length > Object.keys(auths).length;
  if (had) await write(file, { ...read.json, auths });
  return had || helper !== undefined;
}

function withoutKeys(auths: JsonValue | undefined, registry: string): JsonObject {
  if (!isObject(auths)) return {};
  return Object.fromEntries(Object.entries(auths).filter(([key]) => normalKey(key) !== registry));
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function base64(text: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(text)) out += String.fromCharCode(byte);
  return btoa(out);
}

/** Whole or not at all, and never readable by others, not even while it is written. */
async function write(file: string, json: JsonObject): Promise<void> {
  const text = JSON.stringify(
    json,
    (_, value: unknown) => typeof value === "bigint" ? Number(value) : value,
    "\t",
  );
  try {
    // A link stays a link: what it leads to is replaced.
    const target = await Deno.realPath(file).catch(() => file);
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")) || "/", {
      recursive: true,
      mode: 0o700,
    });
    const temporary = `${target}.${crypto.randomUUID()}`;
    try {
      await Deno.writeTextFile(temporary, `${text}\n`, { mode: 0o600, createNew: true });
      await Deno.rename(temporary, target);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
  } catch {
    throw new VarveError("E_DENIED", `Cannot write credentials to ${file}: it cannot be replaced`, {
      subject: file,
    });
  }
}
