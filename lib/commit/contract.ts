import type { ChainId, Digest } from "../digest/mod.ts";
import type { LayerLimits, LayerPolicy, Warning } from "../layer/mod.ts";
import type { Platform } from "../oci/mod.ts";
import type { Pool } from "../pool/mod.ts";
import type { LayerRecord } from "../store/mod.ts";

/** Options of {@linkcode commitSnapshot}. */
export interface CommitImageOptions {
  /**
   * Runs the jobs that scan directories and write layers. When absent, the function makes a pool and disposes it
   * afterwards.
   */
  readonly pool?: Pool | undefined;
  /** Name of the new image; absent for an image without a name. An image that has this name already loses the name. */
  readonly name?: string | undefined;
  /** Author of the change, for the config and the history. */
  readonly author?: string | undefined;
  /** Comment for the history. */
  readonly message?: string | undefined;
  /** Dockerfile instructions that change the config. */
  readonly changes?: readonly string[] | undefined;
  /** The command that made the change, for the history; `varve commit` when absent. */
  readonly createdBy?: string | undefined;
  /** Time for all dates in the image, in milliseconds since the epoch; the current time when absent. */
  readonly now?: number | undefined;
  /** Platform of the new image when the snapshot has no parent image; this machine's when absent. */
  readonly platform?: Platform | undefined;
  /** Policy for layers, where it differs from the default. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits for layers, where they differ from the defaults. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Pauses writers of the snapshot while it is read; dispose to resume. `null` when nothing was paused. */
  readonly pause?: ((key: string) => Promise<AsyncDisposable | null>) | undefined;
  /** Aborts the commit. Nothing becomes visible then. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes read for the new layer so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** An image that a commit made. */
export interface CommittedImage {
  /** Name of the image; `<none>@<digest>` for an image without a name. */
  readonly name: string;
  /** Digest of the manifest. */
  readonly manifest: Digest;
  /** Digest of the config. */
  readonly imageId: Digest;
  /** Chain ID of all layers; `null` for an image without layers. */
  readonly chainId: ChainId | null;
  /** Name of the image below the snapshot; `null` when there is no such image. */
  readonly parent: string | null;
  /** The new layers, lowest first; empty when nothing changed. */
  readonly layers: readonly LayerRecord[];
  /** What was left out of the new layers. */
  readonly warnings: readonly Warning[];
}
