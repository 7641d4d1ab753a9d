/** Whether only this machine can reach an address or a name to listen on. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

/** Names by which containers reach the machine that runs them. */
const CONTAINER_HOSTS = new Set(["host.docker.internal", "host.containers.internal"]);

/**
 * Whether a request with this `Host` header is answered: an IP address, localhost, or a name that
 * containers use for their machine. A web page cannot be served from any of these names.
 */
export function isAllowedHost(host: string): boolean {
  const name = host.replace(/:[0-9]{1,5}$/, "").toLowerCase();
  return name === "localhost" || name.endsWith(".localhost") || CONTAINER_HOSTS.has(name) ||
    /^\[[0-9a-f:.]+\]$/.test(name) || /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(name);
}
