import type { HelperPlace } from "../auth/credential_helper.ts";
import {
  findCredential,
  type LookUp,
  normalKey,
  readCredentialsFile,
} from "../auth/docker_config.ts";
import type { ClientConfig, Credential, Endpoint, Proxies } from "../contract.ts";
import { findEndpoints } from "./hosts.ts";
import { NO_PROXIES } from "../http/proxy.ts";

/** Where {@linkcode loadClientConfig} looks; all is optional. Nothing is read from the environment. */
export interface ClientOptions extends Partial<HelperPlace> {
  /** Docker's and podman's files of credentials, most wanted first; those that are missing are passed over. */
  readonly credentialsFiles?: readonly string[] | undefined;
  /** Directories of `hosts.toml` directories, most wanted first. */
  readonly hostsDirectories?: readonly string[] | undefined;
  /** Plain http to the registry itself. */
  readonly plainHttp?: boolean | undefined;
  /** Proxies. */
  readonly proxies?: Proxies | undefined;
  /** The system's certificates, PEM; a file that is missing is passed over. */
  readonly caFile?: string | undefined;
  /** A credential for the registry itself, instead of those in files. */
  readonly credential?: Credential | undefined;
  /** Milliseconds without progress after which a transfer is given up; a minute when absent. */
  readonly idleTimeout?: number | undefined;
  /** Tries of one request; 5 when absent. */
  readonly attempts?: number | undefined;
  /** Milliseconds before the second try; 250 when absent. */
  readonly backoff?: number | undefined;
  /** Told of credential helpers that fail, and of what is not verified. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
}

/** Debian's file of trusted certificates. */
export const SYSTEM_CA_FILE = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Finds what it takes to speak to a registry: its endpoints, and the credentials of each.
 *
 * A credential is found by the endpoint's own name, so a mirror never gets those of the registry
 * that it stands for.
 *
 * @throws {VarveError} `E_FORMAT`, `E_DENIED`, `E_UNSUPPORTED` of a hosts file or a credentials file
 */
export async function loadClientConfig(
  registry: string,
  repository: string | undefined,
  options: ClientOptions = {},
): Promise<ClientConfig> {
  const { hostsDirectories = [], plainHttp, signal } = options;
  const endpoints = await findEndpoints(registry, { directories: hostsDirectories, plainHttp });
  const credentials: Record<string, Credential> = {};
  for (const endpoint of endpoints) {
    signal?.throwIfAborted();
    if (endpoint.unverified) {
      options.onWarning?.(`the certificate of ${endpoint.origin} is not verified (skip_verify)`);
    }
    const own = endpoint.namespace === null ? options.credential : undefined;
    const credential = own ?? await credentialOf(endpoint, registry, repository, options);
    if (credential !== undefined) credentials[endpoint.origin] = credential;
  }
  const secure = endpoints.some(({ origin }) => origin.startsWith("https:"));
  const ca = secure ? await readCa(options.caFile ?? SYSTEM_CA_FILE) : undefined;
  return {
    registry,
    endpoints,
    credentials,
    proxies: options.proxies ?? NO_PROXIES,
    caCerts: ca === undefined ? [] : [ca],
    idleTimeout: options.idleTimeout ?? 60_000,
    attempts: options.attempts ?? 5,
    backoff: options.backoff ?? 250,
    userAgent: "varve",
  };
}

async function credentialOf(
  endpoint: Endpoint,
  registry: string,
  repository: string | undefined,
  { credentialsFiles = [], path = "", variables, onWarning, signal }: ClientOptions,
): Promise<Credential | undefined> {
  const name = endpoint.namespace === null ? registry : normalKey(new URL(endpoint.origin).host);
  const look: LookUp = { registry: name, repository, path, variables, onWarning, signal };
  for (const file of credentialsFiles) {
    const read = await readCredentialsFile(file);
    const credential = read === undefined ? undefined : await findCredential(read, look);
    if (credential !== undefined) return credential;
  }
  return undefined;
}

async function readCa(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return undefined;
  }
}
