import { VarveError } from "../../errors.ts";
import { type JsonObject, jsonText, type JsonValue } from "../../oci/mod.ts";
import { type HelperPlace, runHelper } from "./credential_helper.ts";
import { helperOf, normalKey, readCredentialsFile, serverKey } from "./docker_config.ts";

/** Rights of all others. */
const OTHERS = 0o007;

/** Whose credentials, and where they are kept. */
export interface LoginOptions extends Partial<HelperPlace> {
  /** Docker's `config.json`; made when it is missing. */
  readonly file: string;
  /** The registry, as references name it. */
  readonly registry: string;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Keeps a user's name and password as `docker login` does: with the credential helper that the file
 * names for the registry, else in the file itself, which is replaced atomically. A new one is its owner's
 * alone, as becomes one that all others could read; else it keeps owner, group and what these may. What
 * else it holds stays.
 *
 * @returns where they are: the file's path, or the helper's program
 * @throws {VarveError} `E_FORMAT`, `E_DENIED` of the file; `E_PRECONDITION` of the helper
 */
export async function storeCredential(
  { username, password }: { readonly username: string; readonly password: string },
  { file, registry, path = "", variables, signal }: LoginOptions,
): Promise<string> {
  const read = await readCredentialsFile(file) ?? { path: file, json: {} };
  const helper = helperOf(read, registry);
  if (helper !== undefined) {
    const entry = { ServerURL: serverKey(registry), Username: username, Secret: password };
    await runHelper(helper, "store", JSON.stringify(entry), { path, variables }, signal);
    // What an earlier login left in the file would outlive the helper's.
    const { auths, had } = withoutKeys(read.json["auths"], registry);
    if (had) await write(file, { ...read.json, auths });
    return `docker-credential-${helper}`;
  }
  const auth = base64(`${username}:${password}`);
  const { auths } = withoutKeys(read.json["auths"], registry);
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
  { file, registry, path = "", variables, signal }: LoginOptions,
): Promise<boolean> {
  const read = await readCredentialsFile(file);
  if (read === undefined) return false;
  const helper = helperOf(read, registry);
  let kept = false;
  if (helper !== undefined) {
    const server = serverKey(registry);
    kept = await runHelper(helper, "get", server, { path, variables }, signal) !== undefined;
    if (kept) await runHelper(helper, "erase", server, { path, variables }, signal);
  }
  const { auths, had } = withoutKeys(read.json["auths"], registry);
  if (had) await write(file, { ...read.json, auths });
  return had || kept;
}

/** The entries of all other registries, and whether there was one of this. */
function withoutKeys(
  auths: JsonValue | undefined,
  registry: string,
): { readonly auths: JsonObject; readonly had: boolean } {
  if (!isObject(auths)) return { auths: {}, had: false };
  const all = Object.entries(auths);
  const others = all.filter(([key]) => normalKey(key) !== registry);
  return { auths: Object.fromEntries(others), had: others.length < all.length };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function base64(text: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(text)) out += String.fromCharCode(byte);
  return btoa(out);
}

/** Whole or not at all, and never readable by others, not even while it is written; whose it is stays. */
async function write(file: string, json: JsonObject): Promise<void> {
  try {
    // A link stays a link: what it leads to is replaced.
    const target = await leadsTo(file);
    const before = await Deno.stat(target).catch(() => undefined);
    await Deno.mkdir(directoryOf(target), { recursive: true, mode: 0o700 });
    const temporary = `${target}.${crypto.randomUUID()}`;
    try {
      await writeSynced(temporary, new TextEncoder().encode(`${shownJson(json)}\n`), before);
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

/** The file that a path leads to, there or not. */
async function leadsTo(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    // A link in a circle is an error of another class.
    if (!(error instanceof Deno.errors.NotFound)) return path;
    const link = await Deno.readLink(path).catch(() => undefined);
    if (link === undefined) return path;
    return await leadsTo(link.startsWith("/") ? link : `${directoryOf(path)}/${link}`);
  }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** A file of its owner alone, or of whose the one before was, on disk before it gets its name: else a crash could leave an empty one there. */
async function writeSynced(
  path: string,
  bytes: Uint8Array,
  before: Deno.FileInfo | undefined,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  if (before !== undefined) await takeOver(before, path);
  await file.sync();
}

/** Gives a file owner, group and rights of the one before. */
async function takeOver({ uid, gid, mode }: Deno.FileInfo, path: string): Promise<void> {
  try {
    await Deno.chown(path, uid, gid);
  } catch {
    // Who may not give it away keeps it alone: the rights were another group's.
    return;
  }
  // Rights for everybody are those that a file gets by itself, and no choice; a password is nobody else's.
  if (mode !== null && (mode & OTHERS) === 0) await Deno.chmod(path, mode & 0o777);
}

/** As Docker writes it, with tabs; long integers are kept digit for digit. */
function shownJson(value: JsonValue, indent = "\n"): string {
  const inner = `${indent}\t`;
  if (Array.isArray(value) && value.length > 0) {
    return `[${value.map((one) => inner + shownJson(one, inner)).join()}${indent}]`;
  }
  if (!isObject(value) || Object.keys(value).length === 0) return jsonText(value);
  const members = Object.entries(value).map(([key, one]) =>
    `${inner}${JSON.stringify(key)}: ${shownJson(one, inner)}`
  );
  return `{${members.join()}${indent}}`;
}
