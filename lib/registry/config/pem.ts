import { VarveError } from "../../errors.ts";
import { permissionError } from "../../linux/mod.ts";
import type { Endpoint } from "../contract.ts";
import { MalformedSetting } from "./setting_place.ts";

/** Maximum size of a hosts file or a certificate in bytes. */
const MAX_FILE = 1024 * 1024;
/** Maximum size of a file of all certificates to trust in bytes. Debian's has 220 kB. */
const MAX_TRUSTED = 16 * 1024 * 1024;
const CERTIFICATE = "-----BEGIN CERTIFICATE-----";

/** The source of a setting. */
export interface SettingSource {
  /** The file that has the setting, for messages. */
  readonly file: string;
  /** The folder that relative paths start from. */
  readonly folder: string;
}

/** Reads PEM files of certificates to trust: a path, or an array of paths. */
export async function readCertificates(value: unknown, at: SettingSource): Promise<string[]> {
  if (value === undefined) return [];
  const out: string[] = [];
  for (const path of Array.isArray(value) ? value : [value]) {
    if (typeof path !== "string") throw new MalformedSetting(at.file, "ca", "ca is not a path");
    const pem = await readPem(path, "ca", at);
    if (!pem.includes(CERTIFICATE)) {
      // Refuse this here, because Deno accepts garbage without an error, and then trusts no server.
      throw new MalformedSetting(at.file, "ca", `${path} holds no PEM certificate`);
    }
    out.push(pem);
  }
  return out;
}

/**
 * Reads a file of all certificates to trust, PEM.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_LIMIT`, `E_DENIED` · `E_FORMAT` it holds no certificate
 */
export async function readTrusted(path: string): Promise<string> {
  const pem = await readText(path, MAX_TRUSTED);
  if (pem?.includes(CERTIFICATE)) return pem;
  const [code, state] = pem === undefined
    ? ["E_NOT_FOUND", "there is no such file"] as const
    : ["E_FORMAT", "it holds no PEM certificate"] as const;
  throw new VarveError(code, `Cannot read certificates from ${path}: ${state}`, { subject: path });
}

/**
 * Reads a client certificate and its key: `"both.pem"`, `["both.pem", …]`, `["cert", "key"]` or
 * `[["cert", "key"], …]`, of which the first pair is used. A file may hold both.
 */
export async function readClientCertificate(
  value: unknown,
  at: SettingSource,
): Promise<Endpoint["client"]> {
  if (value === undefined) return null;
  const first: unknown = Array.isArray(value) && Array.isArray(value[0]) ? value[0] : value;
  const [cert, key = cert]: readonly unknown[] = Array.isArray(first) ? first : [first];
  if (typeof cert !== "string" || typeof key !== "string") {
    throw new MalformedSetting(at.file, "client", "client is neither a path nor a pair of paths");
  }
  const pem = await readPem(cert, "client", at);
  const holdsKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem);
  return { cert: pem, key: holdsKey ? pem : await readPem(key, "client", at) };
}

async function readPem(
  path: string,
  key: "ca" | "client",
  { file, folder }: SettingSource,
): Promise<string> {
  const text = await readText(path.startsWith("/") ? path : `${folder}/${path}`);
  if (text === undefined) throw new MalformedSetting(file, key, `${path} does not exist`);
  return text;
}

/** A text file; `undefined` when it does not exist. @throws {VarveError} `E_LIMIT`, `E_DENIED` */
export async function readText(path: string, max: number = MAX_FILE): Promise<string | undefined> {
  try {
    const { size } = await Deno.stat(path);
    if (size > max) {
      throw new VarveError("E_LIMIT", `Cannot read ${path}: it is longer than ${max} bytes`);
    }
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof VarveError) throw error;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw permissionError(error, `read ${path}`) ??
      new VarveError("E_DENIED", `Cannot read ${path}: it exists but cannot be read`);
  }
}
