import { checkContainerd, type ContainerdCheck } from "../../../containerd/mod.ts";
import { absolutePath } from "../../../linux/mod.ts";

/** Where containerd and varve listen by default. */
export const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";
export const VARVE_SOCKET = "/run/varve/varve.sock";

/** A line of the report. */
export interface ContainerdLine {
  readonly check: ContainerdCheck;
  /** null: it could not be found out. */
  readonly ok: boolean | null;
  readonly found: string;
  /** What to do; null where nothing is to be done. */
  readonly wayOut: string | null;
}

/** What to do when a check fails. */
const WAYS_OUT: Readonly<Record<ContainerdCheck, string>> = {
  reachable: "start containerd, or name its socket with --containerd",
  snapshotter: "add [proxy_plugins.varve] to config.toml: 'varve serve --print-config'",
  differ: "add [proxy_plugins.varve-diff] to config.toml: 'varve serve --print-config'",
  "first differ": 'set default = ["varve-diff", "walking"] of the diff service in config.toml',
  unpack: "add an unpack_config with snapshotter varve and differ varve-diff to config.toml",
  overlayfs: "add an unpack_config with snapshotter overlayfs and differ walking to config.toml",
  "mount namespace": "run 'varve serve' without PrivateTmp, ProtectSystem and other sandboxes",
  content: "run 'varve serve' as the user of containerd; until then blobs are read more slowly",
  "store path": "move the store to a path without colon, comma and backslash",
};

/** Whether Deno lets varve ask containerd. doctor needs no more permissions than for the rest of its report. */
function mayAsk(socket: string): boolean {
  return ([
    { name: "read", path: socket },
    { name: "net" },
    { name: "env", variable: "GRPC_TRACE" },
    { name: "env", variable: "GRPC_VERBOSITY" },
  ] as const).every((permission) => Deno.permissions.querySync(permission).state === "granted");
}

/**
 * Checks containerd. Without a path that the user names, it is checked only where its default socket is.
 *
 * @returns null when there is none
 */
export async function containerdLines(
  root: string,
  named: string | undefined,
  socket: string | undefined,
): Promise<readonly ContainerdLine[] | null> {
  const containerd = absolutePath(named ?? CONTAINERD_SOCKET);
  if (named === undefined) {
    if (!mayAsk(containerd)) return null;
    const isThere = await Deno.lstat(containerd).then(() => true, () => false);
    if (!isThere) return null;
  }
  const findings = await checkContainerd({
    containerd,
    socket: absolutePath(socket ?? VARVE_SOCKET),
    root: absolutePath(root),
  });
  return findings.map((finding) => ({
    ...finding,
    wayOut: finding.ok === true ? null : WAYS_OUT[finding.check],
  }));
}
