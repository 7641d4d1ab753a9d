import { requirePermissions } from "../linux/mod.ts";
import type { Env } from "./options.ts";

/** Names of the variables from which programs read their proxies. */
const NAMES: readonly string[] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
  .flatMap((name) => [name, name.toUpperCase()]);

/** Whether a variable holds a proxy. */
export function isProxyVariable(name: string): boolean {
  return NAMES.includes(name);
}

/** The proxy variables that are set, with their values. */
export function proxyVariables(env: Env): Record<string, string> {
  const set: Record<string, string> = {};
  for (const name of NAMES) {
    const value = env(name);
    if (value !== undefined) set[name] = value;
  }
  return set;
}

/**
 * Removes the proxy variables from the environment of this process and returns them. Deno's `fetch` reads them
 * wherever it is given no proxy. It then sends even loopback requests through the proxy, and in `NO_PROXY` it
 * understands neither ports nor a leading `*`.
 */
export function takeProxyVariables(): Readonly<Record<string, string>> {
  requirePermissions(
    "read the proxy variables",
    NAMES.map((variable) => ({ name: "env", variable })),
  );
  const taken = proxyVariables((name) => Deno.env.get(name));
  for (const name of Object.keys(taken)) Deno.env.delete(name);
  return taken;
}
