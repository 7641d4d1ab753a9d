import type { Endpoint } from "../contract.ts";

/**
 * Hint for an answer that a TLS server gives to a request in plain http; `undefined` where plain http
 * was configured, and not assumed because the host is this machine.
 */
export function tlsHint({ origin, assumed }: Endpoint): string | undefined {
  if (assumed !== true || !origin.startsWith("http:")) return undefined;
  const secure = origin.replace(/^http:/, "https:");
  return `plain http was taken as it is on this machine; if it speaks https, put server = "${secure}" ` +
    "into its hosts.toml, see varve pull --help";
}
