/** Whether only this machine reaches an address or a name. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

/** Names by which containers reach the machine that runs them. */
const OUTER = new Set(["host.docker.internal", "host.containers.internal"]);

/** Whether a `Host` header names a machine by address, as localhost, or as containers do: no page can take these for itself. */
export function mayBeCalled(host: string): boolean {
  const name = host.replace(/:[0-9]{1,5}$/, "").toLowerCase();
  return name === "localhost" || name.endsWith(".localhost") || OUTER.has(name) ||
    /^\[[0-9a-f:.]+\]$/.test(name) || /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(name);
}
