import type { ContainerdLeases, ContentStore } from "../contract.ts";

/** A plug-in of containerd, as it says itself. */
export interface PluginInfo {
  /** Such as `io.containerd.snapshotter.v1`. */
  readonly type: string;
  readonly id: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  /** Why it did not start, or null. */
  readonly error: string | null;
}

/** The process of containerd. */
export interface ServerInfo {
  /** Its process id in the PID namespace `pidns`. */
  readonly pid: number;
  /** Inode of its PID namespace; 0 where containerd is too old to say it. */
  readonly pidns: number;
}

/** What containerd says about itself. */
export interface Introspection {
  version(signal?: AbortSignal): Promise<string>;
  server(signal?: AbortSignal): Promise<ServerInfo>;
  /** The plug-ins that any of the filters selects. */
  plugins(filters: readonly string[], signal?: AbortSignal): Promise<readonly PluginInfo[]>;
}

/** A client of containerd. It connects at the first call. */
export interface Containerd extends Disposable {
  readonly content: ContentStore;
  readonly leases: ContainerdLeases;
  readonly introspection: Introspection;
}
