import type { Endpoint } from "../contract.ts";

/**
 * Hint for a response that looks like a TLS server's answer to plain http. `undefined` unless plain
 * http was assumed because the host is this machine.
 */
export function tlsHint({ origin, assumed }: Endpoint): string | undefined {
  if (assumed !== true || !origin.startsWith("http:")) return undefined;
  const secure = origin.replace(/^http:/, "https:");
  return `plain http was assumed because the registry is on this machine; if it speaks https, put server = "${secure}" ` +
    "into its hosts.toml";
}
