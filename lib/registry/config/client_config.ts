import { requirePermissions } from "../../linux/mod.ts";
import type { HelperEnvironment } from "../auth/credential_helper.ts";
import {
  type CredentialQuery,
  findCredential,
  normalKey,
  readCredentialsFile,
} from "../auth/docker_config.ts";
import type { ClientConfig, Credential, Endpoint, Proxies } from "../contract.ts";
import { NO_PROXIES } from "../http/proxy.ts";
import { findEndpoints } from "./endpoints.ts";
import { readTrusted } from "./pem.ts";

/**
 * Options of {@linkcode loadClientConfig}: where it looks, and settings of the client. Nothing is
 * read from the environment.
 */
export interface ClientOptions extends Partial<HelperEnvironment> {
  /**
   * Docker's and podman's files of credentials. The first file with a credential is used; missing
   * files are skipped.
   */
  readonly credentialsFiles?: readonly string[] | undefined;
  /**
   * Directories in the layout of containerd's `certs.d`. The first directory that has the registry
   * is used.
   */
  readonly hostsDirectories?: readonly string[] | undefined;
  /** Whether to speak plain http to the registry itself; when absent, true for loopback only. */
  readonly plainHttp?: boolean | undefined;
  /** The proxies to use; none when absent. */
  readonly proxies?: Proxies | undefined;
  /**
   * File of the certificates to trust, PEM. When absent, {@linkcode SYSTEM_CA_FILE}, which may be
   * missing.
   */
  readonly caFile?: string | undefined;
  /** A credential for the registry itself, instead of a credential from the files. */
  readonly credential?: Credential | undefined;
  /** Milliseconds without progress after which a transfer fails; 60,000 when absent. */
  readonly idleTimeout?: number | undefined;
  /** Maximum number of tries of one request; 5 when absent. */
  readonly attempts?: number | undefined;
  /** Milliseconds before the first retry; 250 when absent. */
  readonly backoff?: number | undefined;
  /**
   * Called with a warning about a credential helper that fails, or a certificate that is not
   * verified.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Aborts the search. */
  readonly signal?: AbortSignal | undefined;
}

/** Debian's file of trusted certificates. */
export const SYSTEM_CA_FILE = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Collects everything that is needed to talk to a registry: its endpoints, and the credential of
 * each endpoint.
 *
 * A credential is looked up by the name of the endpoint, so a mirror never gets the credential of the
 * registry that it mirrors.
 *
 * @throws {VarveError} `E_FORMAT`, `E_DENIED`, `E_UNSUPPORTED` for a hosts file or a credentials
 * file · `E_NOT_FOUND`, `E_FORMAT`, `E_LIMIT`, `E_DENIED` for `caFile`
 */
export async function loadClientConfig(
  registry: string,
  repository: string | undefined,
  options: ClientOptions = {},
): Promise<ClientConfig> {
  const { hostsDirectories = [], credentialsFiles = [], plainHttp, signal } = options;
  requirePermissions(
    `read the settings for ${registry}`,
    [...hostsDirectories, ...credentialsFiles].map((path) => ({ name: "read", path })),
  );
  const endpoints = await findEndpoints(registry, { directories: hostsDirectories, plainHttp });
  const credentials: Record<string, Credential> = {};
  for (const endpoint of endpoints) {
    signal?.throwIfAborted();
    if (endpoint.unverified) {
      options.onWarning?.(`the certificate of ${endpoint.origin} is not verified (skip_verify)`);
    }
    const given = endpoint.namespace === null ? options.credential : undefined;
    const credential = given ?? await credentialOf(endpoint, registry, repository, options);
    if (credential !== undefined) credentials[endpoint.origin] = credential;
  }
  const usesTls = endpoints.some(({ origin }) => origin.startsWith("https:"));
  const ca = usesTls ? await readCa(options.caFile) : undefined;
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
  const query: CredentialQuery = { registry: name, repository, path, variables, onWarning, signal };
  for (const file of credentialsFiles) {
    const read = await readCredentialsFile(file);
    const credential = read === undefined ? undefined : await findCredential(read, query);
    if (credential !== undefined) return credential;
  }
  return undefined;
}

/** Reads the certificates to trust. Only a file that the caller chose must be there: Deno has certificates of its own. */
async function readCa(chosen: string | undefined): Promise<string | undefined> {
  if (chosen !== undefined) return await readTrusted(chosen);
  try {
    return await Deno.readTextFile(SYSTEM_CA_FILE);
  } catch {
    return undefined;
  }
}
