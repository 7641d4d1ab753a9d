import type { Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore, StoredImage } from "../store/mod.ts";
import type { ProcessOptions } from "./bundle/process.ts";
import type { Volume } from "./bundle/volume.ts";

/** Options of `runContainer`. */
export interface RunContainerOptions {
  /** The store that holds the image. */
  readonly store: DiskStore;
  /** Makes the container's read-write snapshot. */
  readonly snapshotter: Snapshotter;
  /** The image to run. */
  readonly image: StoredImage;
  /** The process to start. Absent options are taken from the image. */
  readonly process?: ProcessOptions | undefined;
  /**
   * Key of the container's snapshot. A snapshot that exists is used again. By default, a new snapshot with a new key is
   * made.
   */
  readonly key?: string | undefined;
  /** Remove the snapshot at the end. If this is set, a key that exists already is refused. Default: false. */
  readonly remove?: boolean | undefined;
  /** Refuse a key that does not exist. Default: false. */
  readonly mustExist?: boolean | undefined;
  /** `auto` (the default), `runc`, `crun` or `chroot`. */
  readonly runtime?: string | undefined;
  /** Directories in which to look for runtimes, separated by colons, as in `PATH`. */
  readonly searchPath: string;
  /**
   * A command that calls `reapRuns` on this store. The watchdog executes it if this process dies before the container
   * ends, so that a snapshot with `remove` is removed at once.
   */
  readonly sweep?: readonly string[] | undefined;
  /** Files and directories of the host that the container sees. */
  readonly volumes?: readonly Volume[] | undefined;
  /** Make the root read-only. Default: false. */
  readonly readOnly?: boolean | undefined;
  /** Run tini first, which reaps processes and forwards signals. Default: false. */
  readonly init?: boolean | undefined;
  /** The network of the host (the default), or only loopback. */
  readonly network?: "host" | "none" | undefined;
  /**
   * Host name in the container. By default that of the host with its network, else the beginning of the container's id.
   */
  readonly hostname?: string | undefined;
  /** Whether signals that are sent to this process are forwarded to the container. Default: false. */
  readonly forwardSignals?: boolean | undefined;
  /** Milliseconds between SIGTERM and SIGKILL; 10,000 by default. */
  readonly grace?: number | undefined;
  /**
   * Aborts the preparation. Ends a container that runs: SIGTERM, and SIGKILL after `grace`. Its snapshot is left, as at
   * any other end.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called with the container's key once other processes know the container. */
  readonly onStart?: ((key: string) => void) | undefined;
  /** The clock, in ms since the epoch; `Date.now` by default. */
  readonly now?: (() => number) | undefined;
}

/** How a container ended. */
export interface ContainerEnd {
  /** Key of its snapshot. */
  readonly key: string;
  /** Exit code; 128 plus the signal's number when a signal ended the container. */
  readonly exit: number;
}
