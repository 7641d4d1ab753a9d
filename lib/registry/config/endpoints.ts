import { VarveError } from "../../errors.ts";
import { permissionError } from "../../linux/mod.ts";
import type { Endpoint } from "../contract.ts";
import { isLoopback } from "../http/loopback.ts";
import { readHostsFile } from "./hosts_file.ts";
import { readCertificates, readClientCertificate, readText } from "./pem.ts";

/** Options for finding a registry's endpoints. */
export interface HostsOptions {
  /**
   * Directories in the layout of containerd's `certs.d`. The first directory that has the registry
   * is used.
   */
  readonly directories: readonly string[];
  /** Whether to speak plain http to the registry itself; when absent, true for loopback only. */
  readonly plainHttp?: boolean | undefined;
}

/**
 * The endpoints of a registry: its mirrors first, the registry itself last (containerd, docs/hosts.md).
 *
 * @throws {VarveError} `E_USAGE` when the registry is not a host and port, `E_FORMAT` when its
 *   `hosts.toml` is malformed, `E_UNSUPPORTED` when `hosts.toml` has a setting that varve does not
 *   support
 */
export async function findEndpoints(
  registry: string,
  { directories, plainHttp }: HostsOptions,
): Promise<Endpoint[]> {
  const own = ownEndpoint(registry, plainHttp);
  for (const directory of directories) {
    for (const name of directoryNames(registry)) {
      const folder = `${directory}/${name}`;
      const file = `${folder}/hosts.toml`;
      const text = await readText(file);
      // An empty file counts as missing (containerd, loadHostDir).
      if (text !== undefined && text !== "") {
        return await readHostsFile(text, { file, folder, registry, own, plainHttp });
      }
      const endpoint = await endpointOfFolder(own, folder, plainHttp);
      if (endpoint !== undefined) return [endpoint];
    }
  }
  return [own];
}

/**
 * The endpoint of a registry without any configuration.
 *
 * @throws {VarveError} `E_USAGE` when the registry's name is not a valid host and port:
 * `1.2.3.999`, `host:99999`
 */
export function ownEndpoint(registry: string, plainHttp?: boolean): Endpoint {
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const address = URL.parse(`http://${host}`);
  if (address === null) {
    const message = `Cannot reach registry ${registry}: it is not a host and port`;
    throw new VarveError("E_USAGE", message, { subject: registry });
  }
  const isPlain = plainHttp ?? isLoopback(address.hostname);
  return {
    origin: new URL(`${isPlain ? "http" : "https"}://${host}`).origin,
    assumed: plainHttp === undefined,
    path: "/v2",
    capabilities: ["pull", "resolve", "push"],
    namespace: null,
    headers: {},
    realms: [],
    unverified: false,
    caCerts: [],
    client: null,
  };
}

/** The names of a registry's folder, in the order in which containerd looks for them: `host_port_`, `host:port`, `_default`. */
function directoryNames(registry: string): string[] {
  const port = /^(.*):([0-9]+)$/.exec(registry);
  return [...(port === null ? [] : [`${port[1]}_${port[2]}_`]), registry, "_default"];
}

/**
 * The endpoint of a registry whose folder has no `hosts.toml`; `undefined` when the folder does not
 * exist. The folder may hold files with Docker's names: `*.crt` is a certificate authority to
 * trust, `*.cert` and `*.key` are the client certificate. A registry with certificates is reached
 * by https.
 */
async function endpointOfFolder(
  own: Endpoint,
  folder: string,
  plainHttp: boolean | undefined,
): Promise<Endpoint | undefined> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) names.push(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw permissionError(error, `read ${folder}`) ??
      new VarveError("E_DENIED", `Cannot read ${folder}: it exists but cannot be read`);
  }
  const ca = names.filter((name) => name.endsWith(".crt")).sort();
  const cert = names.filter((name) => name.endsWith(".cert")).sort()[0];
  // An empty folder still ends the search.
  if (ca.length === 0 && cert === undefined) return own;
  const at = { file: folder, folder };
  return {
    ...own,
    origin: plainHttp === true ? own.origin : own.origin.replace(/^http:/, "https:"),
    caCerts: await readCertificates(ca, at),
    client: cert === undefined
      ? null
      : await readClientCertificate([cert, cert.replace(/cert$/, "key")], at),
  };
}
