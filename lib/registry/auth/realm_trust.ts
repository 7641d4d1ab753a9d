/**
 * Whether a registry's credentials may go to a token realm: to the same host, or to another host of
 * the same registrable domain (`registry-1.docker.io` → `auth.docker.io`), and never from https to http.
 *
 * The domain is found with the Public Suffix List. Its private part (`github.io`, `run.app`) counts,
 * too, and below such a suffix only the same host is trusted: strangers have names there, often at
 * more levels than the list knows (`<account>.dkr.ecr.<region>.amazonaws.com` has three below its
 * suffix). Whoever needs more says so with `token_realms` in `hosts.toml`.
 */
export async function realmIsTrusted(registry: URL, realm: URL): Promise<boolean> {
  if (registry.protocol === "https:" && realm.protocol !== "https:") return false;
  if (registry.hostname === realm.hostname) return true;
  const own = await registrableDomain(registry.hostname);
  return own !== undefined && own === await registrableDomain(realm.hostname);
}

/** Domains that give each customer a registry of its own, and that the Public Suffix List lacks. */
const SHARED: ReadonlySet<string> = new Set([
  "amazonaws.com",
  "amazonaws.com.cn",
  "azure.com",
  "azurecr.cn",
  "azurecr.io",
  "azurecr.us",
  "jfrog.io",
  "ocir.io",
  "on.aws",
  "pkg.dev",
  "windows.net",
]);

/**
 * The domain whose hosts all belong to one party; `undefined` where there is none: an IP address, a
 * public suffix, a name below a private suffix.
 */
async function registrableDomain(hostname: string): Promise<string | undefined> {
  // Loaded only here: the list takes 20 ms and 16 MB, and most requests never need it.
  const { parse } = await import("tldts");
  const { domain, isPrivate } = parse(hostname, { allowPrivateDomains: true });
  return domain === null || isPrivate || SHARED.has(domain) ? undefined : domain;
}
