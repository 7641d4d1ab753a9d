import { parse, TomlError } from "smol-toml";
import { VarveError } from "../../errors.ts";
import type { Capability, Endpoint } from "../contract.ts";
import { readCertificates, readClientCertificate, type SettingSource } from "./pem.ts";
import { MalformedSetting, place, placed } from "./setting_place.ts";

type Table = Readonly<Record<string, unknown>>;

/** A `hosts.toml` and its registry. */
export interface HostsFile extends SettingSource {
  /** The registry, as references name it. */
  readonly registry: string;
  /** The endpoint of the registry when nothing is configured. */
  readonly own: Endpoint;
  /** Whether to speak plain http to the registry itself; `undefined` when the user did not say. */
  readonly plainHttp: boolean | undefined;
}

/** Settings for the connection to a host. */
const OWN_SETTINGS = [
  "ca",
  "client",
  "skip_verify",
  "header",
  "token_realms",
  "redirects",
] as const;

/**
 * The endpoints that a `hosts.toml` names: the tables of `host` in order, then `server`, whose
 * settings are at the top level. If `server` repeats a `host` and has no connection settings of its
 * own, it gets the settings of that `host`, and is used only for capabilities that the `host` lacks.
 *
 * @throws {VarveError} `E_FORMAT` when it is malformed, `E_UNSUPPORTED` for a setting that varve
 * does not support
 */
export async function readHostsFile(text: string, at: HostsFile): Promise<Endpoint[]> {
  const { file, own, plainHttp } = at;
  let root: Table;
  try {
    root = parse(text) as Table;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = (error.message.split("\n", 1)[0] as string).replace(/^Invalid TOML \w+: /, "");
    throw new MalformedSetting(file, "", reason, place(error.line, error.column));
  }
  const server = root["server"];
  if (server !== undefined && typeof server !== "string") {
    throw placed(new MalformedSetting(file, "server", "server is not a string"), text, undefined);
  }
  const hosts = root["host"] ?? {};
  if (!isTable(hosts)) {
    throw placed(new MalformedSetting(file, "host", "host is not a table"), text, undefined);
  }
  const read = async (address: string, table: Table, name?: string): Promise<Endpoint> => {
    try {
      return await readHost(address, table, at, name === undefined ? "server" : "host");
    } catch (error) {
      throw error instanceof MalformedSetting ? placed(error, text, name) : error;
    }
  };
  const endpoints: Endpoint[] = [];
  for (const [address, table] of Object.entries(hosts)) {
    if (!isTable(table)) {
      const error = new MalformedSetting(file, "host", `host ${address} is not a table`);
      throw placed(error, text, address);
    }
    endpoints.push(await read(address, table, address));
  }
  // A registry with TLS settings is reached by https, even on loopback.
  const isSecure = plainHttp !== true &&
    ["ca", "client", "skip_verify"].some((name) => root[name] !== undefined);
  const self = isSecure ? own.origin.replace(/^http:/, "https:") : own.origin;
  const last = await read(server || self, root);
  const twin = endpoints.find((one) => one.origin === last.origin && one.path === last.path);
  if (twin !== undefined && !OWN_SETTINGS.some((name) => root[name] !== undefined)) {
    // Without this, the same host would be tried a second time without the settings of its table,
    // and would fail for another reason, which would hide the first reason. So the server keeps
    // only the capabilities that the table does not allow.
    const missing = last.capabilities.filter((one) => !twin.capabilities.includes(one));
    return missing.length === 0 ? endpoints : [...endpoints, { ...twin, capabilities: missing }];
  }
  endpoints.push(server ? last : { ...last, assumed: own.assumed === true });
  return endpoints;
}

async function readHost(
  address: string,
  table: Table,
  at: HostsFile,
  key: "host" | "server",
): Promise<Endpoint> {
  const { file, own, registry } = at;
  const url = addressOf(address, file, key);
  const unverified = table["skip_verify"] === true && url.protocol === "https:";
  if (unverified && table["client"] !== undefined) {
    throw new VarveError(
      "E_UNSUPPORTED",
      `Cannot reach ${url.origin} as ${file} asks: a client certificate is never shown to an unverified server`,
      { hint: "give its certificate authority with ca = … in place of skip_verify" },
    );
  }
  const isMirror = url.host !== new URL(own.origin).host;
  return {
    origin: url.origin,
    path: pathOf(url, table["override_path"] === true),
    capabilities: capabilitiesOf(table["capabilities"], file),
    namespace: isMirror ? registry : null,
    headers: headersOf(table["header"], file),
    unverified,
    realms: originsOf(table, "token_realms", file),
    redirects: originsOf(table, "redirects", file),
    caCerts: await readCertificates(table["ca"], at),
    client: await readClientCertificate(table["client"], at),
  };
}

function addressOf(address: string, file: string, key: string): URL {
  const url = URL.parse(/^[a-z]+:\/\//i.test(address) ? address : `https://${address}`);
  const isHttp = url?.protocol === "https:" || url?.protocol === "http:";
  if (url !== null && isHttp && url.username === "" && url.password === "") return url;
  throw new MalformedSetting(file, key, "a host is not an http or https address without a user");
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
  // An empty list counts as absent (containerd).
  if (names.length === 0) return [...CAPABILITIES];
  // `referrers` is accepted and changes nothing: an endpoint that may resolve may also list referrers.
  if (!names.every((one) => one === "referrers" || CAPABILITIES.includes(one as Capability))) {
    throw new MalformedSetting(
      file,
      "capabilities",
      "capabilities is not a list of pull, resolve, push and referrers",
    );
  }
  return CAPABILITIES.filter((one) => names.includes(one));
}

function headersOf(value: unknown, file: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isTable(value)) throw new MalformedSetting(file, "header", "header is not a table");
  const headers: Record<string, string> = {};
  for (const [name, one] of Object.entries(value)) {
    const values: readonly unknown[] = Array.isArray(one) ? one : [one];
    const isValid = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) &&
      values.every((text) => typeof text === "string" && /^[\t\x20-\x7e]*$/.test(text));
    if (!isValid) throw new MalformedSetting(file, "header", "a header is malformed");
    headers[name.toLowerCase()] = values.join(", ");
  }
  return headers;
}

/**
 * Reads `token_realms` and `redirects`, which only varve has: containerd sends credentials to every
 * realm that a challenge names, and follows a redirect to any address.
 */
function originsOf(table: Table, key: string, file: string): string[] {
  const value = table[key];
  if (value === undefined) return [];
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return texts.map((text) => {
    if (typeof text !== "string") throw new MalformedSetting(file, key, `${key} is not an address`);
    return addressOf(text, file, key).origin;
  });
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
