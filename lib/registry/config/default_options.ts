import type { HelperEnvironment } from "../auth/credential_helper.ts";
import { proxiesOf } from "../http/proxy.ts";
import { proxyVariables } from "../http/proxy_variables.ts";
import type { ClientOptions } from "./client_config.ts";

/** Directory of containerd's own `hosts.toml` files. */
const SYSTEM_HOSTS = "/etc/containerd/certs.d";

/** Reads an environment variable; `undefined` when it is not set. */
export type Environment = (name: string) => string | undefined;

/**
 * The options of a client that acts for the user, as the command `varve` does: the credentials files
 * of docker and podman, their credential helpers, the `hosts.toml` files of varve and containerd, the
 * proxies and the file of trusted certificates. The files are read when the client needs them.
 *
 * @param env reads the environment variables that name these files and settings: `HOME`, `PATH`, `DOCKER_CONFIG`,
 * `REGISTRY_AUTH_FILE`, `XDG_CONFIG_HOME`, `XDG_RUNTIME_DIR`, `VARVE_HOSTS_DIR`, `SSL_CERT_FILE`, `HTTPS_PROXY` and others
 * @param uid the user's id. Without `XDG_RUNTIME_DIR`, podman keeps its file in a directory that is named after this
 * id; `null` skips that file. When absent, the id of the user of this process, if Deno may read it
 *
 * @example
 * ```ts ignore
 * const env = (name: string) => Deno.env.get(name);
 * using client = new RegistryClient(defaultClientOptions(env));
 * await pullImage(store, "ghcr.io/owner/private:1", { client });
 * ```
 */
export function defaultClientOptions(
  env: Environment,
  uid: number | null = userId(),
): ClientOptions {
  const caFile = env("SSL_CERT_FILE");
  return {
    credentialsFiles: credentialsFiles(env, uid),
    hostsDirectories: hostsDirectories(env),
    ...helperEnvironment(env),
    proxies: proxiesOf(env),
    caFile: caFile || undefined,
  };
}

function userId(): number | null {
  try {
    return Deno.uid();
  } catch {
    return null;
  }
}

/** Environment for credential helpers: the search path for programs, and the proxies. */
export function helperEnvironment(env: Environment): HelperEnvironment {
  return { path: env("PATH") ?? "", variables: proxyVariables(env) };
}

/**
 * Files with credentials, first choice first: the file that `REGISTRY_AUTH_FILE` names, Docker's file, then podman's
 * files in their usual places.
 */
function credentialsFiles(env: Environment, uid: number | null): string[] {
  const chosen = named(env("REGISTRY_AUTH_FILE"));
  const session = absolute(env("XDG_RUNTIME_DIR"));
  // Without a session, as in a CI job, podman uses this directory (containers/image, defaultPerUIDPathFormat).
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

/**
 * The file that `login` writes: the file that `REGISTRY_AUTH_FILE` names, as for podman and skopeo, else Docker's
 * `config.json`.
 */
export function loginFile(env: Environment): string | undefined {
  return named(env("REGISTRY_AUTH_FILE")) ?? dockerConfigFile(env);
}

function dockerConfigFile(env: Environment): string | undefined {
  const directory = named(env("DOCKER_CONFIG"));
  if (directory !== undefined) return `${directory}/config.json`;
  const home = absolute(env("HOME"));
  return home === undefined ? undefined : `${home}/.docker/config.json`;
}

function hostsDirectories(env: Environment): string[] {
  const chosen = named(env("VARVE_HOSTS_DIR"));
  if (chosen !== undefined) return [chosen];
  const config = configHome(env);
  return [...(config === undefined ? [] : [`${config}/varve/certs.d`]), SYSTEM_HOSTS];
}

function configHome(env: Environment): string | undefined {
  const home = absolute(env("HOME"));
  return absolute(env("XDG_CONFIG_HOME")) ?? (home === undefined ? undefined : `${home}/.config`);
}

/**
 * A path from a variable that the user sets. A relative path starts at the working directory, as with docker and
 * podman.
 */
function named(path: string | undefined): string | undefined {
  return path === undefined || path === "" || path.startsWith("/")
    ? absolute(path)
    : absolute(`${Deno.cwd()}/${path}`);
}

/** A path from a variable that the system sets. A relative path is ignored (XDG Base Directory Specification). */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path.replace(/\/+$/, "") : undefined;
}
