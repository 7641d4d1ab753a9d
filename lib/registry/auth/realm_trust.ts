/**
 * Whether a registry's credential may be sent to a token realm. The realm must have the same host
 * or the same registrable domain (`registry-1.docker.io` → `auth.docker.io`), and the scheme may
 * not change from https to http.
 *
 * The Public Suffix List defines the registrable domain. The list has a private part: suffixes such
 * as `github.io`, below which a company gives names to its customers. Below such a suffix only the
 * same host is trusted, because customers may have names at deeper levels than the list knows: the
 * accounts of `<account>.dkr.ecr.<region>.amazonaws.com` share the domain
 * `ecr.<region>.amazonaws.com`. For an exception, use `token_realms` in `hosts.toml`.
 */
export async function realmIsTrusted(registry: URL, realm: URL): Promise<boolean> {
  if (registry.protocol === "https:" && realm.protocol !== "https:") return false;
  if (registry.hostname === realm.hostname) return true;
  const own = await registrableDomain(registry.hostname);
  return own !== undefined && own === await registrableDomain(realm.hostname);
}

/** Domains below which each customer has a registry, but which the Public Suffix List lacks. */
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
 * The registrable domain of a host: all hosts below it belong to one party. `undefined` for an IP
 * address, for a public suffix, and for a name below a private or a shared suffix.
 */
async function registrableDomain(hostname: string): Promise<string | undefined> {
  // Loaded on demand: the list costs 20 ms and 16 MB, and most requests do not need it.
  const { parse } = await import("tldts");
  const { domain, isPrivate } = parse(hostname, { allowPrivateDomains: true });
  return domain === null || isPrivate || SHARED.has(domain) ? undefined : domain;
}
