import type { Endpoint } from "../contract.ts";

/** What may help where plain http was nobody's choice and the answer is what a server that waits for TLS gives. */
export function schemeHint({ origin, assumed }: Endpoint): string | undefined {
  if (assumed !== true || !origin.startsWith("http:")) return undefined;
  const secure = origin.replace(/^http:/, "https:");
  return `plain http was taken as it is on this machine; if it speaks https, put server = "${secure}" ` +
    "into its hosts.toml, see varve pull --help";
}
