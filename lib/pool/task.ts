import type { JobProgress } from "./contract.ts";

/** Options of one run, with the pool's own signal in place of the caller's. */
export interface Task {
  /** Aborts with the caller's signal, or when the pool is disposed. */
  readonly signal: AbortSignal;
  /** Bytes for the handler; `undefined` when there is no stream. */
  readonly stream: AsyncIterable<Uint8Array> | undefined;
  /** Called with the job's progress. */
  readonly onProgress: ((value: JobProgress) => void) | undefined;
}
