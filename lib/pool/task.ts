import type { JobProgress } from "./contract.ts";

/** What a job is run with, wherever it runs: the caller's options and the pool's own signal. */
export interface Task {
  /** Aborted by the caller's signal or when the pool is disposed. */
  readonly signal: AbortSignal;
  /** Bytes for the handler. */
  readonly stream: AsyncIterable<Uint8Array> | undefined;
  /** Progress. */
  readonly onProgress: ((value: JobProgress) => void) | undefined;
}
