/** The configuration of containerd and the units of systemd that `varve serve` prints. */

/** Where things are on this machine. */
export interface Places {
  /** Absolute path of varve's socket. */
  readonly socket: string;
  /** Absolute path of containerd's socket. */
  readonly containerd: string;
  /** Absolute path of the store. */
  readonly root: string;
  /** Platform of this machine, such as `linux/amd64`. */
  readonly platform: string;
  /** The command that starts varve, word by word. */
  readonly command: readonly string[];
  /** Options of the daemon beside these places, word by word. */
  readonly options?: readonly string[] | undefined;
}

/** What stands in containerd's config.toml. `version` is that of containerd. */
export function containerdConfig(version: "1.7" | "2", places: Places): string {
  const isTwo = version === "2";
  const socket = JSON.stringify(places.socket);
  return `version = ${isTwo ? 3 : 2}

[proxy_plugins.varve]
  type = "snapshot"
  address = ${socket}
${isTwo ? REBASE : ""}  [proxy_plugins.varve.exports]
    root = ${JSON.stringify(places.root)}
    enable_remote_snapshot_annotations = "true"
[proxy_plugins.varve-diff]
  type = "diff"
  address = ${socket}

# varve-diff comes first: what it declines, walking extracts.
[plugins."io.containerd.service.v1.diff-service"]
  default = ["varve-diff", "walking"]

# The transfer service unpacks only for what stands here. Each entry needs its differ.
${isTwo ? UNPACKS : ""}[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = ${JSON.stringify(places.platform)}
  snapshotter = "overlayfs"
  differ = "walking"
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = ${JSON.stringify(places.platform)}
  snapshotter = "varve"
  differ = "varve-diff"

# Kubernetes.
${
    isTwo
      ? '[plugins."io.containerd.cri.v1.images"]'
      : '[plugins."io.containerd.grpc.v1.cri".containerd]'
  }
  snapshotter = "varve"
  disable_snapshot_annotations = false
`;
}

const REBASE = `  # From containerd 2.3 on, to unpack layers in parallel:
  # capabilities = ["rebase"]
`;

const UNPACKS = `# From containerd 2.3 on, to unpack layers in parallel:
# [plugins."io.containerd.transfer.v1.local"]
#   max_concurrent_unpacks = 4
`;

/** A socket unit and a service unit of systemd, one after the other. */
export function systemdUnits(
  { socket, containerd, root, command, options = [] }: Places,
): string {
  const start = [...command, "--root", root, "serve", "--containerd", containerd, ...options];
  return `# /etc/systemd/system/varve.socket
[Unit]
Description=Socket of varve, snapshotter and differ of containerd

[Socket]
ListenStream=${specifier(socket)}
SocketMode=0600
DirectoryMode=0700

[Install]
WantedBy=sockets.target

# /etc/systemd/system/varve.service
[Unit]
Description=varve, snapshotter and differ of containerd
Requires=varve.socket
After=varve.socket local-fs.target
Before=containerd.service
StartLimitIntervalSec=0

# No PrivateTmp, ProtectSystem or other sandbox: containerd must see what varve mounts.
[Service]
ExecStart=${start.map(word).join(" ")}
Restart=always
RestartSec=100ms
TimeoutStopSec=20
OOMScoreAdjust=-999
LimitNOFILE=infinity
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}

/** systemd reads a percent sign as the begin of a specifier. */
function specifier(text: string): string {
  return text.replaceAll("%", "%%");
}

/** A word of a command line of systemd, quoted where it needs that. */
function word(text: string): string {
  const escaped = specifier(text).replaceAll("$", "$$$$");
  return /^[A-Za-z0-9_@%+=:,./$-]+$/.test(text) ? escaped : JSON.stringify(escaped);
}
