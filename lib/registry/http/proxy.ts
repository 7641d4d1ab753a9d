import type { Proxies } from "../contract.ts";
import { bitsOf, inNetwork } from "./ip_address.ts";
import { isLoopback } from "./loopback.ts";

/** The value for a client that uses no proxy. */
export const NO_PROXIES: Proxies = { http: null, https: null, none: [] };

/** The proxy for an address; `null` when none is used. Loopback is always reached directly. */
export function proxyFor(url: URL, proxies: Proxies): string | null {
  if (isLoopback(url.hostname)) return null;
  if (proxies.none.some((pattern) => matches(pattern, url))) return null;
  return url.protocol === "https:" ? proxies.https : proxies.http;
}

/**
 * The proxies that the environment names (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`). A
 * lower-case variable takes precedence over its upper-case form.
 *
 * @param variable reads one environment variable
 */
export function proxiesOf(variable: (name: string) => string | undefined): Proxies {
  const value = (name: string) => variable(name) || variable(name.toUpperCase()) || null;
  const all = value("all_proxy");
  return {
    // Ignore HTTP_PROXY in a CGI program, because its client could set it with a header "Proxy".
    http: variable("http_proxy") || (variable("GATEWAY_INTERFACE") ? null : value("http_proxy")) ||
      all,
    https: value("https_proxy") ?? all,
    none: (value("no_proxy") ?? "").split(",").map((one) => one.trim()).filter((one) => one !== ""),
  };
}

function matches(pattern: string, url: URL): boolean {
  if (pattern === "*") return true;
  const text = pattern.toLowerCase();
  const own = bitsOf(url.hostname);
  const network = /^([0-9a-f:.]+)\/([0-9]{1,3})$/.exec(text);
  if (network !== null) return inNetwork(own, bitsOf(network[1] as string), Number(network[2]));
  // Do this before a port is split off, because an IPv6 address without brackets seems to end in a
  // port.
  const address = bitsOf(text);
  if (address !== undefined) return address === own;
  const [, name = "", port] = /^\*?\.?(.*?)(?::([0-9]+))?$/.exec(text) ?? [];
  if (name === "") return false;
  const ownPort = url.port || (url.protocol === "https:" ? "443" : "80");
  if (port !== undefined && port !== ownPort) return false;
  if (own !== undefined) return bitsOf(name) === own;
  return url.hostname === name || url.hostname.endsWith(`.${name}`);
}
