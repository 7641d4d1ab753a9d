/** Whether a host (as `URL.hostname` gives it) is this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") ||
    /^127(?:\.[0-9]{1,3}){3}$/.test(hostname) || hostname === "[::1]";
}
