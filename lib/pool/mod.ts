/**
 * The worker pool: typed jobs on threads, with back-pressure and cancellation. It knows nothing of layers.
 *
 * **A job's life.** `pool.run(job, input, { stream, signal, onProgress })` puts the job into a
 * queue (`WorkerPool`). When fewer than `size` jobs run, the job starts, and the pool chooses
 * where:
 *
 * - in an idle, a prepared or a new worker (`WorkerLink` is the caller's end, `serve` the worker's
 *   end);
 * - in two workers, if the job has *halves* and threads are left (`runHalves`);
 * - on the caller's own thread, if no worker can be started, or for a short job of a program that only
 *   waits for it (`runInline`, `ProgramPool`).
 *
 * The outcome is the same in all three cases. Then the job's worker becomes idle, and the next job starts.
 *
 * **What crosses threads.** Messages (`protocol.ts`): the input and the output by structured clone,
 * errors as records, progress (at most one report every 64 ms, `ProgressThrottle`), and the stream
 * in pieces. `Pump` sends copies of the caller's chunks, with at most `window` bytes in flight.
 * `ByteQueue` holds them in the worker. For each chunk that the handler takes, the caller may send
 * that many more bytes.
 *
 * **When things fail.** An error of the handler fails its job, and the worker runs the next job. An
 * error outside of the handler, `Deno.exit`, an unknown message or silence ends the worker: its job
 * fails with `E_WORKER`, and a new worker takes its place. When `signal` aborts, the worker is
 * told. `run` rejects with the signal's reason once the handler has closed what it opened.
 *
 * `spawn.ts` is the only file that names the worker entries. `boundedParallel` is the room's other tool: it
 * works on several items at once on one thread, with a limit, and stops at the first failure.
 *
 * @module
 */
export type {
  AnyJob,
  Half,
  Halves,
  Job,
  JobContext,
  JobProgress,
  Pool,
  PoolOptions,
  RunOptions,
  WorkerEntry,
} from "./contract.ts";
export { createPool } from "./pool.ts";
