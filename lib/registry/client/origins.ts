/** Whose address is whose: loopback, and to which realms a registry's credentials may go. */

/** Whether a host (as `URL.hostname` gives it) is this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") ||
    /^127(?:\.[0-9]{1,3}){3}$/.test(hostname) || hostname === "[::1]";
}

/**
 * Whether a registry's credentials may go to a token realm: to the same host, or to another host of
 * the same registrable domain, and never from https to http.
 *
 * There is no list of public suffixes here, so the domain is guessed on the safe side: two labels, but
 * the same host alone where the second-level label is short (`co.uk`, `com.au`) or many parties share
 * the domain.
 */
export function realmIsTrusted(registry: URL, realm: URL): boolean {
  if (registry.protocol === "https:" && realm.protocol !== "https:") return false;
  if (registry.hostname === realm.hostname) return true;
  const own = registrableDomain(registry.hostname);
  return own !== undefined && own === registrableDomain(realm.hostname);
}

/** Domains under which strangers have names of their own. */
const SHARED = new Set([
  "amazonaws.com",
  "appspot.com",
  "azure.com",
  "azurecr.io",
  "azurewebsites.net",
  "cloudapp.net",
  "cloudfront.net",
  "fly.dev",
  "github.io",
  "gitlab.io",
  "googleapis.com",
  "herokuapp.com",
  "jfrog.io",
  "netlify.app",
  "ngrok.io",
  "ocir.io",
  "onrender.com",
  "pages.dev",
  "pkg.dev",
  "run.app",
  "vercel.app",
  "windows.net",
  "workers.dev",
]);

function registrableDomain(hostname: string): string | undefined {
  if (/^[0-9.]+$/.test(hostname) || hostname.startsWith("[")) return undefined;
  const labels = hostname.split(".");
  const [second = "", top = ""] = labels.slice(-2);
  if (labels.length < 2 || second === "" || top === "") return undefined;
  if (top.length === 2 && second.length <= 3) return undefined;
  const domain = `${second}.${top}`;
  return SHARED.has(domain) ? undefined : domain;
}
