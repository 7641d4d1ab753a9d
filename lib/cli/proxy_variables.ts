import { requirePermissions } from "../linux/mod.ts";
import { PROXY_VARIABLES, proxyVariables } from "../registry/internal.ts";

/**
 * Removes the proxy variables from the environment of this process and returns them. Deno's `fetch` reads them
 * wherever it is given no proxy. It then sends even loopback requests through the proxy, and in `NO_PROXY` it
 * understands neither ports nor a leading `*`.
 */
export function takeProxyVariables(
  read: (name: string) => string | undefined,
): Readonly<Record<string, string>> {
  requirePermissions(
    "read the proxy variables",
    PROXY_VARIABLES.map((variable) => ({ name: "env", variable })),
  );
  const taken = proxyVariables(read);
  for (const name of Object.keys(taken)) Deno.env.delete(name);
  return taken;
}
