/**
 * What a containerd's configuration has for a `varve serve` at a socket, but for the transfer service and Kubernetes:
 * `varve serve --print-config` prints all of it.
 */
export function proxyConfig(socket: string): string {
  return `
[proxy_plugins.varve]
  type = "snapshot"
  address = ${JSON.stringify(socket)}
[proxy_plugins.varve-diff]
  type = "diff"
  address = ${JSON.stringify(socket)}
[plugins."io.containerd.service.v1.diff-service"]
  default = ["varve-diff", "walking"]
`;
}
