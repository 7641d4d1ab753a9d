import { isVarveError } from "../../errors.ts";
import { connectContainerd } from "../client/connect.ts";
import { CONTENT_PLUGIN } from "../client/content_store.ts";
import type { Containerd, Introspection, PluginInfo } from "../client/contract.ts";
import type { ContentStore } from "../contract.ts";
import { servingProcess } from "../../store/internal.ts";
import { unusableCharacter } from "../serve/store_path.ts";
import type { ContainerdCheck, ContainerdFinding } from "./findings.ts";
import { judgeConfig } from "./judge_config.ts";
import { isSamePidNamespace, type MountView, mountView } from "./mount_view.ts";
import { readConfig } from "./read_config.ts";

/** What is checked. */
export interface CheckContainerdOptions {
  /** Absolute path of containerd's socket. */
  readonly containerd: string;
  /** Absolute path of the socket on which varve answers containerd. */
  readonly socket: string;
  /** Absolute path of the store. */
  readonly root: string;
  /** The process that serves the store; looked for when absent. If there is none, this one counts. */
  readonly pid?: number | undefined;
}

/** The types of the plug-ins. */
const SNAPSHOTTER = "io.containerd.snapshotter.v1";
const DIFFER = "io.containerd.differ.v1";

/**
 * Looks at a running containerd: whether it can be reached, knows varve, and is configured and placed so that containers
 * see the right files. It changes nothing.
 */
export async function checkContainerd(
  options: CheckContainerdOptions,
): Promise<ContainerdFinding[]> {
  using containerd = await connectContainerd(options.containerd);
  const bad = unusableCharacter(options.root);
  const path: ContainerdFinding = {
    check: "store path",
    ok: bad === undefined,
    found: bad === undefined ? options.root : `${options.root} has a ${JSON.stringify(bad)}`,
  };
  try {
    const version = await containerd.introspection.version();
    const reachable = { check: "reachable", ok: true, found: `containerd ${version}` } as const;
    return [reachable, ...await inside(containerd, options), path];
  } catch (error) {
    if (!isVarveError(error)) throw error;
    return [{ check: "reachable", ok: false, found: error.message }, path];
  }
}

async function inside(
  { introspection, content }: Containerd,
  { socket, root, pid: serving = servingProcess(root) }: CheckContainerdOptions,
): Promise<ContainerdFinding[]> {
  const plugins = await introspection.plugins([`type==${SNAPSHOTTER}`, `type==${DIFFER}`]);
  const ours = (type: string) =>
    plugins.find((plugin) => plugin.type === type && addressOf(plugin) === socket);
  const [snapshotter, differ] = [ours(SNAPSHOTTER), ours(DIFFER)];
  const { pid, pidns } = await introspection.server();
  const isSeen = await isSamePidNamespace(pidns);
  const config = isSeen ? await readConfig(pid) : null;
  const names = { snapshotter: snapshotter?.id ?? null, differ: differ?.id ?? null };
  return [
    registered("snapshotter", snapshotter, socket),
    registered("differ", differ, socket),
    ...config === null ? UNKNOWN_CONFIG : judgeConfig(config, names),
    placed(isSeen ? await mountView(serving ?? "self", pid, root) : "unknown"),
    await readableContent(content, introspection),
  ];
}

const UNKNOWN_CONFIG: readonly ContainerdFinding[] =
  (["first differ", "unpack", "overlayfs"] as const).map((check) => ({
    check,
    ok: null,
    found: "the configuration of containerd cannot be read",
  }));

/** A proxy plug-in says at which socket it calls. */
function addressOf({ exports }: PluginInfo): string | undefined {
  return exports["address"]?.replace(/^unix:(\/\/)?/, "");
}

function registered(
  check: ContainerdCheck,
  plugin: PluginInfo | undefined,
  socket: string,
): ContainerdFinding {
  if (plugin === undefined) return { check, ok: false, found: `none calls ${socket}` };
  const { error, id } = plugin;
  return { check, ok: error === null, found: error === null ? id : `${id}: ${error}` };
}

async function readableContent(
  content: ContentStore,
  introspection: Introspection,
): Promise<ContainerdFinding> {
  const root = await content.root();
  if (root !== null) return { check: "content", ok: true, found: root };
  const [plugin] = await introspection.plugins([CONTENT_PLUGIN]);
  const directory = plugin?.exports["root"];
  // containerd makes the directory with its first blob.
  const isNew = directory !== undefined &&
    await Deno.lstat(directory).then(() => false, (error) => error instanceof Deno.errors.NotFound);
  return isNew
    ? { check: "content", ok: true, found: `${directory}, which has no blob yet` }
    : { check: "content", ok: false, found: "its directory cannot be read" };
}

const PLACES: Readonly<Record<MountView, Pick<ContainerdFinding, "ok" | "found">>> = {
  same: { ok: true, found: "the same" },
  propagated: { ok: true, found: "another one, which gets varve's mounts" },
  separate: { ok: false, found: "another one" },
  unknown: { ok: null, found: "the process cannot be looked at" },
};

function placed(view: MountView): ContainerdFinding {
  return { check: "mount namespace", ...PLACES[view] };
}
