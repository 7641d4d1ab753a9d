import { VarveError } from "../errors.ts";
import type { Reference } from "../oci/mod.ts";
import {
  type ClientOptions,
  type Credential,
  type HelperEnvironment,
  loadClientConfig,
  proxiesOf,
  RegistryClient,
} from "../registry/mod.ts";
import type { Context } from "./context.ts";
import type { Env } from "./options.ts";
import { proxyVariables } from "./proxy_variables.ts";

/** Where containerd's own hosts files are. */
const SYSTEM_HOSTS = "/etc/containerd/certs.d";

/** What the environment says of registries to a user. */
export function registryOptions(env: Env, uid: number | null = Deno.uid()): ClientOptions {
  const caFile = env("SSL_CERT_FILE");
  return {
    credentialsFiles: credentialsFiles(env, uid),
    hostsDirectories: hostsDirectories(env),
    ...helperEnvironment(env),
    proxies: proxiesOf(env),
    ...(caFile === undefined || caFile === "" ? {} : { caFile }),
  };
}

/** Where credential helpers are. They need proxies as well. */
export function helperEnvironment(env: Env): HelperEnvironment {
  return { path: env("PATH") ?? "", variables: proxyVariables(env) };
}

/** podman's file where the user names it, Docker's, then podman's in their usual places. */
function credentialsFiles(env: Env, uid: number | null): string[] {
  const chosen = named(env("REGISTRY_AUTH_FILE"));
  const session = absolute(env("XDG_RUNTIME_DIR"));
  // As in a job of CI: containers/image, defaultPerUIDPathFormat.
  const sessionless = uid === null ? undefined : `/run/containers/${uid}`;
  const runtime = session === undefined ? sessionless : `${session}/containers`;
  const config = configHome(env);
  const docker = dockerConfigFile(env);
  return [
    ...(chosen === undefined ? [] : [chosen]),
    ...(docker === undefined ? [] : [docker]),
    ...(runtime === undefined ? [] : [`${runtime}/auth.json`]),
    ...(config === undefined ? [] : [`${config}/containers/auth.json`]),
  ];
}

/** Where `login` writes: podman's file where the user names it, as podman and skopeo do, else Docker's `config.json`. */
export function loginFile(env: Env): string | undefined {
  return named(env("REGISTRY_AUTH_FILE")) ?? dockerConfigFile(env);
}

function dockerConfigFile(env: Env): string | undefined {
  const directory = named(env("DOCKER_CONFIG"));
  if (directory !== undefined) return `${directory}/config.json`;
  const home = absolute(env("HOME"));
  return home === undefined ? undefined : `${home}/.docker/config.json`;
}

function hostsDirectories(env: Env): string[] {
  const chosen = named(env("VARVE_HOSTS_DIR"));
  if (chosen !== undefined) return [chosen];
  const config = configHome(env);
  return [...(config === undefined ? [] : [`${config}/varve/certs.d`]), SYSTEM_HOSTS];
}

function configHome(env: Env): string | undefined {
  const home = absolute(env("HOME"));
  return absolute(env("XDG_CONFIG_HOME")) ?? (home === undefined ? undefined : `${home}/.config`);
}

/** A path of the user's choice, from the working directory on, as docker and podman have it. */
function named(path: string | undefined): string | undefined {
  return path === undefined || path === "" || path.startsWith("/")
    ? absolute(path)
    : absolute(`${Deno.cwd()}/${path}`);
}

/** A directory of the system's: one that is relative is none (XDG Base Directory Specification). */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path.replace(/\/+$/, "") : undefined;
}

/** How one command speaks to a registry. */
export interface ClientSettings {
  /** Plain http was asked for. */
  readonly plainHttp?: boolean | undefined;
  /** A credential instead of those in files. */
  readonly credential?: Credential | undefined;
}

/** A client for the registry of a reference. Dispose it. */
export async function registryClient(
  context: Context,
  { registry, repository }: Pick<Reference, "registry"> & Partial<Reference>,
  { plainHttp, credential }: ClientSettings = {},
): Promise<RegistryClient> {
  return new RegistryClient(
    await loadClientConfig(registry, repository, {
      ...registryOptions(context.io.env),
      ...(plainHttp === true ? { plainHttp } : {}),
      credential,
      onWarning: (message) => context.warn(message),
      signal: context.signal,
    }),
  );
}

/** A number from 1 on. @throws {VarveError} `E_USAGE` */
export function parseConcurrency(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9][0-9]{0,2}$/.test(value)) return Number(value);
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${JSON.stringify(value)} for --concurrency: give a number from 1 to 999`,
  );
}
