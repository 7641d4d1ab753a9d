import type { Proxies } from "./contract.ts";
import { isLoopback } from "./origins.ts";

/** No proxy. */
export const NO_PROXIES: Proxies = { http: null, https: null, none: [] };

/** The proxy for an address, or `null`. Loopback is always reached directly. */
export function proxyFor(url: URL, proxies: Proxies): string | null {
  if (isLoopback(url.hostname)) return null;
  if (proxies.none.some((pattern) => matches(pattern, url))) return null;
  return url.protocol === "https:" ? proxies.https : proxies.http;
}

/** The variables' values as {@linkcode Proxies}. `variable` reads one; lower case beats upper case. */
export function proxiesOf(variable: (name: string) => string | undefined): Proxies {
  const value = (name: string) => variable(name) || variable(name.toUpperCase()) || null;
  const all = value("all_proxy");
  return {
    // Not the upper-case one: a CGI program's client could set it by a header "Proxy".
    http: variable("http_proxy") || (variable("GATEWAY_INTERFACE") ? null : value("http_proxy")) ||
      all,
    https: value("https_proxy") ?? all,
    none: (value("no_proxy") ?? "").split(",").map((one) => one.trim()).filter((one) => one !== ""),
  };
}

function matches(pattern: string, url: URL): boolean {
  if (pattern === "*") return true;
  const [, name = "", port] = /^\*?\.?(.*?)(?::([0-9]+))?$/.exec(pattern.toLowerCase()) ?? [];
  if (name === "") return false;
  const ownPort = url.port || (url.protocol === "https:" ? "443" : "80");
  if (port !== undefined && port !== ownPort) return false;
  const cidr = /^([0-9.]+)\/([0-9]{1,2})$/.exec(name);
  if (cidr !== null) return inNetwork(url.hostname, cidr[1] as string, Number(cidr[2]));
  return url.hostname === name || url.hostname.endsWith(`.${name}`);
}

function inNetwork(address: string, network: string, bits: number): boolean {
  const [a, n] = [number(address), number(network)];
  if (a === undefined || n === undefined || bits > 32) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(a / size) === Math.floor(n / size);
}

function number(address: string): number | undefined {
  const parts = address.split(".").map(Number);
  const right = parts.length === 4 && parts.every((part) => part >= 0 && part <= 255);
  return right ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined;
}
