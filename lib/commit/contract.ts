import type { ChainId, Digest } from "../digest/mod.ts";
import type { LayerLimits, LayerPolicy, Warning } from "../layer/mod.ts";
import type { Platform } from "../oci/mod.ts";
import type { Pool } from "../pool/mod.ts";
import type { LayerRecord, Store } from "../store/mod.ts";

/** What {@linkcode commitSnapshot} needs. */
export interface CommitImageOptions {
  /** Where the snapshot is, and where the image goes. */
  readonly store: Store;
  /** Reads and writes. */
  readonly pool: Pool;
  /** The snapshot: a read-write one, or one that was committed from such. */
  readonly key: string;
  /** Name of the new image; `null` for none. An image that has it loses it. */
  readonly name: string | null;
  /** Who made the change. */
  readonly author?: string | undefined;
  /** What the change is about. */
  readonly message?: string | undefined;
  /** Dockerfile instructions that change the config. */
  readonly changes?: readonly string[] | undefined;
  /** What the history says of how it came to be; `varve commit` when absent. */
  readonly createdBy?: string | undefined;
  /** The time of every date that goes into the image, ms since the epoch; now when absent. */
  readonly now?: number | undefined;
  /** What an image without a parent image runs on. */
  readonly platform: Platform;
  /** Policy of layers, where it is not the default. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits of layers, where they are not the defaults. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Keeps whoever writes into the snapshot still while it is read; what it gives ends that. `null` where nobody does. */
  readonly pause?: ((key: string) => Promise<AsyncDisposable | null>) | undefined;
  /** Cancels; nothing is left of it then. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of new layers made so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** An image that a commit made. */
export interface CommittedImage {
  /** Its name; `<none>@<digest>` without one. */
  readonly name: string;
  /** Digest of the manifest. */
  readonly manifest: Digest;
  /** Digest of the config. */
  readonly imageId: Digest;
  /** Names the whole stack; `null` for an image without layers. */
  readonly chainId: ChainId | null;
  /** Name of the image below, where there is one. */
  readonly parent: string | null;
  /** The layers that are new, the lowest first; none when nothing changed. */
  readonly layers: readonly LayerRecord[];
  /** What was left out. */
  readonly warnings: readonly Warning[];
}
