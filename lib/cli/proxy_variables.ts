import type { Env } from "./options.ts";

/** What programs read of proxies. */
const NAMES: readonly string[] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
  .flatMap((name) => [name, name.toUpperCase()]);

/** The proxy variables that are set. */
export function proxyVariables(env: Env): Record<string, string> {
  const set: Record<string, string> = {};
  for (const name of NAMES) {
    const value = env(name);
    if (value !== undefined) set[name] = value;
  }
  return set;
}

/**
 * Takes the proxy variables out of this process. Deno's `fetch` reads them too wherever it is told of no
 * proxy, sends loopback through one, and knows of `NO_PROXY` neither ports nor `*` before addresses and names.
 */
export function takeProxyVariables(): Readonly<Record<string, string>> {
  const taken = proxyVariables((name) => Deno.env.get(name));
  for (const name of Object.keys(taken)) Deno.env.delete(name);
  return taken;
}
