/** Running a container: the running state of an image. */
import type { Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore, StoredImage } from "../store/mod.ts";
import type { ProcessOptions } from "./bundle/process.ts";
import type { Volume } from "./bundle/volume.ts";

/** What {@linkcode runContainer} needs. */
export interface RunContainerOptions {
  /** Where the image is. */
  readonly store: DiskStore;
  /** Makes the read-write layer. */
  readonly snapshotter: Snapshotter;
  /** The image. */
  readonly image: StoredImage;
  /** What to run, and how; what is left out, the image says. */
  readonly process?: ProcessOptions | undefined;
  /** Key of the read-write layer. One that is there is used again; without one, a new one gets a name. */
  readonly key?: string | undefined;
  /** Removes the read-write layer at the end. */
  readonly remove?: boolean | undefined;
  /** `auto` (the default), `runc`, `crun` or `chroot`. */
  readonly runtime?: string | undefined;
  /** Directories of programs, as in `PATH`. */
  readonly searchPath: string;
  /**
   * A command that puts the books right, as `varve ps` does. It follows when this process dies before
   * the container ended: then a layer that was to be removed, and what is mounted for it alone, goes at once.
   */
  readonly sweep?: readonly string[] | undefined;
  /** Files and directories of the host. */
  readonly volumes?: readonly Volume[] | undefined;
  /** Whether the root may only be read. */
  readonly readOnly?: boolean | undefined;
  /** Whether a small init runs first, which reaps and forwards signals. */
  readonly init?: boolean | undefined;
  /** `host` (the default), or `none`. */
  readonly network?: "host" | "none" | undefined;
  /** Whether signals that this process gets go on to the container. */
  readonly forwardSignals?: boolean | undefined;
  /** Milliseconds between SIGTERM and SIGKILL; 10 seconds by default. */
  readonly grace?: number | undefined;
  /** Ends the preparation, or the container: SIGTERM, after `grace` SIGKILL. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the container is known to others, with its key. */
  readonly onStart?: ((key: string) => void) | undefined;
  /** The clock, ms since the epoch. */
  readonly now?: (() => number) | undefined;
}

/** How a container ended. */
export interface ContainerEnd {
  /** Key of its read-write layer. */
  readonly key: string;
  /** Exit code; 128 and the signal's number when one ended it. */
  readonly exit: number;
}
