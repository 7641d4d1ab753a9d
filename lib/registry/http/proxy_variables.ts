/** Names of the variables from which programs read their proxies. */
export const PROXY_VARIABLES: readonly string[] = [
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
]
  .flatMap((name) => [name, name.toUpperCase()]);

/** Whether a variable holds a proxy. */
export function isProxyVariable(name: string): boolean {
  return PROXY_VARIABLES.includes(name);
}

/** The proxy variables that are set, with their values. */
export function proxyVariables(env: (name: string) => string | undefined): Record<string, string> {
  const set: Record<string, string> = {};
  for (const name of PROXY_VARIABLES) {
    const value = env(name);
    if (value !== undefined) set[name] = value;
  }
  return set;
}
