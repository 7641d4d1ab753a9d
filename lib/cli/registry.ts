import { VarveError } from "../errors.ts";
import { familiarName, parseReference, type Reference } from "../oci/mod.ts";
import {
  type ClientOptions,
  type Credential,
  type HelperEnvironment,
  loadClientConfig,
  proxiesOf,
  RegistryClient,
} from "../registry/mod.ts";
import { archiveName } from "./archive_source.ts";
import type { Context } from "./context.ts";
import type { Env } from "./options.ts";
import { proxyVariables } from "./proxy_variables.ts";

/** Directory of containerd's own `hosts.toml` files. */
const SYSTEM_HOSTS = "/etc/containerd/certs.d";

/**
 * Options of a registry client that the environment gives: credentials, `hosts.toml` files, proxies and the CA file.
 */
export function registryOptions(env: Env, uid: number | null = Deno.uid()): ClientOptions {
  const caFile = env("SSL_CERT_FILE");
  return {
    credentialsFiles: credentialsFiles(env, uid),
    hostsDirectories: hostsDirectories(env),
    ...helperEnvironment(env),
    proxies: proxiesOf(env),
    caFile: caFile || undefined,
  };
}

/** Environment for credential helpers: the search path for programs, and the proxies. */
export function helperEnvironment(env: Env): HelperEnvironment {
  return { path: env("PATH") ?? "", variables: proxyVariables(env) };
}

/**
 * Files with credentials, first choice first: the file that `REGISTRY_AUTH_FILE` names, Docker's file, then podman's
 * files in their usual places.
 */
function credentialsFiles(env: Env, uid: number | null): string[] {
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

/** How one command talks to a registry. */
export interface ClientSettings {
  /** Whether to use http without TLS, as `--plain-http` asks. */
  readonly plainHttp?: boolean | undefined;
  /** Credential to use instead of those in files. */
  readonly credential?: Credential | undefined;
}

/** A client for the registry of a reference. The caller disposes it. */
export async function registryClient(
  context: Context,
  { registry, repository }: Pick<Reference, "registry"> & Partial<Reference>,
  { plainHttp, credential }: ClientSettings = {},
): Promise<RegistryClient> {
  return new RegistryClient(
    await loadClientConfig(registry, repository, {
      ...registryOptions(context.io.env),
      // Without the option the address decides: http on loopback, else https.
      plainHttp: plainHttp || undefined,
      credential,
      onWarning: (message) => context.warn(message),
      signal: context.signal,
    }),
  );
}

/** Parses the value of `--concurrency`. @throws {VarveError} `E_USAGE` when it is not a number from 1 to 999 */
export function parseConcurrency(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9][0-9]{0,2}$/.test(value)) return Number(value);
  throw new VarveError(
    "E_USAGE",
    `Cannot use ${JSON.stringify(value)} for --concurrency: give a number from 1 to 999`,
  );
}

/** A registry without a repository, such as `localhost:5000`. Docker's rules read it as an image of Docker Hub. */
const BARE_REGISTRY = /^(?:localhost|[^/@:]*\.[^/@:]*|\[[^\]]*\])(?::[^/@]*)?$/;
/** A name and a port. As the name of an image, its tag would be a number of four or five digits. */
const WITH_PORT = /^[^/@:]+:[0-9]{4,5}$/;

/**
 * Reads the name of an image in a registry. A text that names only a registry is refused, because it would mean an image
 * of Docker Hub.
 *
 * @param verb what the user wants to do, for messages: `push to`
 * @param sent the image that is sent there; `undefined` when nothing is sent. A name with a port is then read as a
 *   registry, too
 * @throws {VarveError} `E_USAGE`
 */
export function remoteReference(text: string, verb: string, sent?: Reference): Reference {
  const reference = parseReference(text);
  if (archiveName(text) !== undefined) {
    throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: it is the name of an archive`, {
      subject: text,
    });
  }
  if (!BARE_REGISTRY.test(text) && (sent === undefined || !WITH_PORT.test(text))) return reference;
  const name = sent === undefined ? "NAME" : familiarName({ ...sent, registry: "docker.io" });
  throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: a registry without a repository`, {
    subject: text,
    hint: `write ${text}/${name}; for Docker Hub, docker.io/library/${text}`,
  });
}
