/**
 * Whether a registry's credential may go to a token realm: to the same host, or to another host of the
 * same registrable domain (`registry-1.docker.io` → `auth.docker.io`), and never from https to http.
 *
 * The Public Suffix List tells the domain. It has a private part: suffixes such as `github.io`, below
 * which a company gives names to its customers. Below these only the same host is trusted, because
 * customers often stand at more levels than the list knows: the accounts of
 * `<account>.dkr.ecr.<region>.amazonaws.com` share the domain `ecr.<region>.amazonaws.com`. The way out is
 * `token_realms` in `hosts.toml`.
 */
export async function realmIsTrusted(registry: URL, realm: URL): Promise<boolean> {
  if (registry.protocol === "https:" && realm.protocol !== "https:") return false;
  if (registry.hostname === realm.hostname) return true;
  const own = await registrableDomain(registry.hostname);
  return own !== undefined && own === await registrableDomain(realm.hostname);
}

/** Domains below which each customer has a registry, and that the Public Suffix List does not have. */
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
 * The domain of a host, all of whose hosts belong to one party. `undefined` for an IP address, for a
 * public suffix, and for a name below a private or a shared suffix.
 */
async function registrableDomain(hostname: string): Promise<string | undefined> {
  // Loaded on demand: the list costs 20 ms and 16 MB, and most requests do not need it.
  const { parse } = await import("tldts");
  const { domain, isPrivate } = parse(hostname, { allowPrivateDomains: true });
  return domain === null || isPrivate || SHARED.has(domain) ? undefined : domain;
}
