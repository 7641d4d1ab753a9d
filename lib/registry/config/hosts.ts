import { parse } from "smol-toml";
import { VarveError } from "../../errors.ts";
import type { Capability, Endpoint } from "../contract.ts";
import { isLoopback } from "../http/loopback.ts";

/** Bytes of a hosts file or a certificate. */
const MAX_FILE = 1024 * 1024;

/** How a registry's endpoints are found. */
export interface HostsOptions {
  /** Directories in the layout of containerd's `certs.d`; the first that has the registry counts. */
  readonly directories: readonly string[];
  /** Plain http to the registry itself; for loopback true when absent. */
  readonly plainHttp?: boolean | undefined;
}

/**
 * The endpoints of a registry: mirrors first, its server last (containerd, docs/hosts.md).
 *
 * @throws {VarveError} `E_USAGE` when the registry is no address, `E_FORMAT` when its `hosts.toml` is malformed,
 *   `E_UNSUPPORTED` for what it asks that is impossible here
 */
export async function findEndpoints(
  registry: string,
  { directories, plainHttp }: HostsOptions,
): Promise<Endpoint[]> {
  const own = ownEndpoint(registry, plainHttp);
  for (const directory of directories) {
    for (const name of directoryNames(registry)) {
      const folder = `${directory}/${name}`;
      const text = await readText(`${folder}/hosts.toml`);
      // An empty one is none (containerd, loadHostDir).
      if (text !== undefined && text !== "") {
        return await readHosts(text, {
          file: `${folder}/hosts.toml`,
          folder,
          registry,
          own,
          plainHttp,
        });
      }
      const trusted = await withCertificates(own, folder, plainHttp);
      if (trusted !== undefined) return [trusted];
    }
  }
  return [own];
}

/**
 * Where a registry is when nothing says otherwise.
 *
 * @throws {VarveError} `E_USAGE` when the name has the form of a registry's and is no address: `1.2.3.999`, `host:99999`
 */
export function ownEndpoint(registry: string, plainHttp?: boolean): Endpoint {
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const address = URL.parse(`http://${host}`);
  if (address === null) {
    throw new VarveError("E_USAGE", `Cannot reach registry ${registry}: it is no host and port`, {
      subject: registry,
    });
  }
  const plain = plainHttp ?? isLoopback(address.hostname);
  return {
    origin: new URL(`${plain ? "http" : "https"}://${host}`).origin,
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

/** containerd looks for `host_port_`, then `host:port`, then `_default`. */
function directoryNames(registry: string): string[] {
  const port = /^(.*):([0-9]+)$/.exec(registry);
  return [...(port === null ? [] : [`${port[1]}_${port[2]}_`]), registry, "_default"];
}

/** Without a `hosts.toml`, Docker's names count: `*.crt` to trust, `*.cert` and `*.key` to show; they stand for TLS. `undefined` without a folder. */
async function withCertificates(
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
    throw new VarveError("E_DENIED", `Cannot read ${folder}: it is there, and cannot be read`);
  }
  const ca = names.filter((name) => name.endsWith(".crt")).sort();
  const cert = names.filter((name) => name.endsWith(".cert")).sort()[0];
  // The registry has a directory, and no other is looked for.
  if (ca.length === 0 && cert === undefined) return own;
  const at = { file: folder, folder };
  return {
    ...own,
    origin: plainHttp === true ? own.origin : own.origin.replace(/^http:/, "https:"),
    caCerts: await certificates(ca, at),
    client: cert === undefined ? null : await clientOf([cert, cert.replace(/cert$/, "key")], at),
  };
}

type Table = Readonly<Record<string, unknown>>;

async function readHosts(text: string, at: HostContext): Promise<Endpoint[]> {
  const { file, own, plainHttp } = at;
  let root: Table;
  try {
    root = parse(text) as Table;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n", 1)[0] as string) : "";
    throw malformed(file, why);
  }
  const server = root["server"];
  if (server !== undefined && typeof server !== "string") {
    throw malformed(file, "server is no text");
  }
  const hosts = root["host"] ?? {};
  if (!isTable(hosts)) throw malformed(file, "host is no table");
  const endpoints: Endpoint[] = [];
  for (const [address, table] of Object.entries(hosts)) {
    if (!isTable(table)) throw malformed(file, `host ${address} is no table`);
    endpoints.push(await readHost(address, table, at));
  }
  // Settings of TLS stand for TLS, on loopback, too.
  const isSecure = plainHttp !== true &&
    ["ca", "client", "skip_verify"].some((name) => root[name] !== undefined);
  const self = isSecure ? own.origin.replace(/^http:/, "https:") : own.origin;
  const last = await readHost(server || self, root, at);
  endpoints.push(server ? last : { ...last, assumed: own.assumed === true });
  return endpoints;
}

/** Which file says it, and where what it names is. */
interface Place {
  readonly file: string;
  readonly folder: string;
}

interface HostContext extends Place {
  readonly registry: string;
  readonly own: Endpoint;
  readonly plainHttp: boolean | undefined;
}

async function readHost(address: string, table: Table, at: HostContext): Promise<Endpoint> {
  const { file, own, registry } = at;
  const url = addressOf(address, file);
  const unverified = table["skip_verify"] === true && url.protocol === "https:";
  if (unverified && table["client"] !== undefined) {
    throw new VarveError(
      "E_UNSUPPORTED",
      `Cannot reach ${url.origin} as ${file} asks: a client certificate is shown to nobody unverified`,
      { hint: "give its certificate authority with ca = … in place of skip_verify" },
    );
  }
  const mirror = url.host !== new URL(own.origin).host;
  return {
    origin: url.origin,
    path: pathOf(url, table["override_path"] === true),
    capabilities: capabilitiesOf(table["capabilities"], file),
    namespace: mirror ? registry : null,
    headers: headersOf(table["header"], file),
    unverified,
    realms: realmsOf(table["token_realms"], file),
    caCerts: await certificates(table["ca"], at),
    client: await clientOf(table["client"], at),
  };
}

function addressOf(address: string, file: string): URL {
  try {
    const url = new URL(/^[a-z]+:\/\//i.test(address) ? address : `https://${address}`);
    const known = url.protocol === "https:" || url.protocol === "http:";
    if (known && url.username === "" && url.password === "") return url;
  } catch {
    // Told below.
  }
  throw malformed(file, "a host is no http or https address without a user");
}

function pathOf(url: URL, override: boolean): string {
  const path = url.pathname.replace(/\/+$/, "");
  return override || path.endsWith("/v2") ? path : `${path}/v2`;
}

const CAPABILITIES: readonly Capability[] = ["pull", "resolve", "push"];

function capabilitiesOf(value: unknown, file: string): Capability[] {
  if (value === undefined) return [...CAPABILITIES];
  const names: unknown[] = Array.isArray(value)
    ? value.map((one) => typeof one === "string" ? one.toLowerCase() : one)
    : [undefined];
  // As containerd has it: an empty list says nothing, and who may resolve may list what refers to a manifest.
  if (names.length === 0) return [...CAPABILITIES];
  if (!names.every((one) => one === "referrers" || CAPABILITIES.includes(one as Capability))) {
    throw malformed(file, "capabilities are pull, resolve, push and referrers");
  }
  return CAPABILITIES.filter((one) => names.includes(one));
}

function headersOf(value: unknown, file: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isTable(value)) throw malformed(file, "header is no table");
  const headers: Record<string, string> = {};
  for (const [name, one] of Object.entries(value)) {
    const values: readonly unknown[] = Array.isArray(one) ? one : [one];
    const right = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) &&
      values.every((text) => typeof text === "string" && /^[\t\x20-\x7e]*$/.test(text));
    if (!right) throw malformed(file, "a header is malformed");
    headers[name.toLowerCase()] = values.join(", ");
  }
  return headers;
}

/** varve's own key: containerd asks every realm that a challenge names. */
function realmsOf(value: unknown, file: string): string[] {
  if (value === undefined) return [];
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return texts.map((text) => {
    if (typeof text !== "string") throw malformed(file, "token_realms is no address");
    return addressOf(text, file).origin;
  });
}

async function certificates(value: unknown, at: Place): Promise<string[]> {
  if (value === undefined) return [];
  const out: string[] = [];
  for (const path of Array.isArray(value) ? value : [value]) {
    if (typeof path !== "string") throw malformed(at.file, "ca is no path");
    const pem = await readPem(path, at);
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
      // Deno takes garbage in silence, and then trusts nobody.
      throw malformed(at.file, `${path} holds no PEM certificate`);
    }
    out.push(pem);
  }
  return out;
}

/** `"both.pem"`, `["both.pem", …]`, `["cert", "key"]` or `[["cert", "key"], …]`: the first pair. A file that holds both needs no other. */
async function clientOf(value: unknown, at: Place): Promise<Endpoint["client"]> {
  if (value === undefined) return null;
  const first: unknown = Array.isArray(value) && Array.isArray(value[0]) ? value[0] : value;
  const [cert, key = cert]: readonly unknown[] = Array.isArray(first) ? first : [first];
  if (typeof cert !== "string" || typeof key !== "string") {
    throw malformed(at.file, "client is no path and no pair of paths");
  }
  const shown = await readPem(cert, at);
  const holdsBoth = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(shown);
  return { cert: shown, key: holdsBoth ? shown : await readPem(key, at) };
}

async function readPem(path: string, { file, folder }: Place): Promise<string> {
  const text = await readText(path.startsWith("/") ? path : `${folder}/${path}`);
  if (text === undefined) throw malformed(file, `${path} is not there`);
  return text;
}

/** A text file; `undefined` when there is none. @throws {VarveError} `E_LIMIT`, `E_DENIED` */
async function readText(path: string): Promise<string | undefined> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE) {
      throw new VarveError("E_LIMIT", `Cannot read ${path}: it is longer than ${MAX_FILE} bytes`);
    }
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof VarveError) throw error;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw new VarveError("E_DENIED", `Cannot read ${path}: it is there, and cannot be read`);
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(file: string, state: string): VarveError {
  return new VarveError("E_FORMAT", `Cannot read ${file}: ${state}`, { subject: file });
}
