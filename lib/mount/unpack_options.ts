import type { ExtractPolicy } from "../directory/mod.ts";
import type { Pool } from "../pool/mod.ts";
import type { PlatformChoice } from "../store/mod.ts";

/** Options of `unpackImage`. */
export interface UnpackOptions extends PlatformChoice {
  /** Runs the extraction. When absent, the function makes a pool and disposes it afterwards. */
  readonly pool?: Pool | undefined;
  /** How device nodes are made; `"keep"` by default. */
  readonly devices?: ExtractPolicy["devices"] | undefined;
  /**
   * Aborts the extraction; the target stays as it was. The promise rejects within a moment; what was
   * written is removed by the pool, which may take longer: see {@linkcode onRemains}.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called when the unpack was aborted and what it wrote is not removed within a moment. */
  readonly onRemains?: ((remains: UnpackRemains) => void) | undefined;
  /** Called with the number of bytes written so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What an aborted unpack has written, while it is being removed. */
export interface UnpackRemains {
  /** Path of the directory, beside the target. */
  readonly path: string;
  /**
   * Resolves when the directory is removed, or when it cannot be removed. A worker of the pool removes
   * it. If the caller disposes its own pool before that, the rest stays until the next unpack to the
   * same target removes it.
   */
  readonly removed: Promise<void>;
}
