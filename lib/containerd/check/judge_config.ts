import { parse } from "smol-toml";
import type { ContainerdFinding } from "./findings.ts";

/** Names of varve's plug-ins in containerd's configuration; null where there is none. */
export interface PluginNames {
  readonly snapshotter: string | null;
  readonly differ: string | null;
}

/** The parts of containerd's configuration that matter. */
interface Config {
  readonly plugins?: {
    readonly "io.containerd.service.v1.diff-service"?: { readonly default?: unknown };
    readonly "io.containerd.transfer.v1.local"?: { readonly unpack_config?: unknown };
  };
}

/** An entry of the transfer service. */
interface UnpackEntry {
  readonly snapshotter?: string;
  readonly differ?: string;
}

/**
 * Judges the whole configuration of containerd: which differ it asks first, and what the transfer service unpacks with.
 *
 * @param text the configuration as TOML, as `containerd config dump` prints it
 */
export function judgeConfig(text: string, names: PluginNames): ContainerdFinding[] {
  const { plugins = {} } = parse(text) as Config;
  const order = listOf<string>(plugins["io.containerd.service.v1.diff-service"]?.default);
  const entries = listOf<UnpackEntry>(plugins["io.containerd.transfer.v1.local"]?.unpack_config);
  const ours = entries.filter(({ snapshotter }) => snapshotter === names.snapshotter);
  const overlay = entries.find(({ snapshotter }) => snapshotter === "overlayfs");
  return [
    {
      check: "first differ",
      ok: names.differ !== null && order[0] === names.differ,
      found: order.length === 0 ? "no order is set" : order.join(", "),
    },
    {
      check: "unpack",
      ok: ours.length > 0 && ours.every(({ differ }) => differ === names.differ),
      found: ours.length === 0 ? "no entry" : shown(ours[0] as UnpackEntry),
    },
    {
      check: "overlayfs",
      ok: overlay !== undefined && (overlay.differ ?? "") !== "",
      found: overlay === undefined ? "no entry" : shown(overlay),
    },
  ];
}

function shown({ snapshotter, differ = "" }: UnpackEntry): string {
  return `${snapshotter} with ${differ === "" ? "no differ" : differ}`;
}

function listOf<Item>(value: unknown): readonly Item[] {
  return Array.isArray(value) ? value as Item[] : [];
}
