/**
 * The worker's end of the protocol.
 *
 * A worker runs one job at a time. An error in the job's own promise is posted as `failed`, and the
 * worker goes on. An error outside of that promise (in a timer, an unhandled rejection,
 * `Deno.exit`) is posted as `dead`, because the state of the thread is then unknown.
 */
import { fromErrorRecord, toErrorRecord, VarveError } from "../errors.ts";
import { ByteQueue } from "./byte_queue.ts";
import type { AnyJob } from "./contract.ts";
import { jobErrorRecord } from "./job_error.ts";
import { ProgressThrottle } from "./progress_throttle.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";

/** The part of a worker's global scope that `serve` needs; Deno's default libraries have no type for it. */
interface WorkerScope extends EventTarget {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
}

interface Running {
  readonly id: number;
  readonly queue: ByteQueue;
  readonly controller: AbortController;
}

/**
 * Serves jobs in a worker. Call it in a worker entry before any `await`, so that no message is missed:
 *
 * ```ts ignore
 * if ("WorkerGlobalScope" in globalThis) serve(globalThis, [layerJob]);
 * ```
 */
export function serve(scope: object, jobs: readonly AnyJob[]): void {
  new Server(scope as WorkerScope, jobs).start();
}

class Server {
  readonly #scope: WorkerScope;
  readonly #jobs: ReadonlyMap<string, AnyJob>;
  #running: Running | null = null;

  constructor(scope: WorkerScope, jobs: readonly AnyJob[]) {
    this.#scope = scope;
    this.#jobs = new Map(jobs.map((job) => [job.name, job]));
  }

  start(): void {
    this.#scope.onmessage = (event) => this.#receive(event.data);
    const dead = (event: Pick<Event, "preventDefault">, thrown: unknown) => {
      // Without this, the error would be printed and would end the thread before the record is
      // sent.
      event.preventDefault();
      this.#post({ kind: "dead", error: toErrorRecord(thrown) });
    };
    this.#scope.addEventListener("error", (event) => dead(event, (event as ErrorEvent).error));
    this.#scope.addEventListener(
      "unhandledrejection",
      (event) => dead(event, (event as PromiseRejectionEvent).reason),
    );
    // Deno.exit raises no other event.
    this.#scope.addEventListener("unload", (event) => dead(event, new Error("it exited")));
    this.#post({ kind: "ready" });
  }

  #receive(message: ToWorker | null | undefined): void {
    switch (message?.kind) {
      case "run":
        void this.#run(message.id, message.job, message.input, message.cancelled);
        return;
      case "ping":
        this.#post({ kind: "pong" });
        return;
    }
    // Ignored: messages for a job that is over, and unknown messages.
    const running = this.#running;
    if (running === null || message?.id !== running.id) return;
    switch (message.kind) {
      case "chunk":
        return running.queue.push(message.bytes);
      case "end":
        if (message.error === undefined) return running.queue.end();
        return running.queue.fail(fromErrorRecord(message.error));
      case "abort":
        running.controller.abort();
        return running.queue.fail(running.controller.signal.reason);
    }
  }

  async #run(
    id: number,
    name: string,
    input: unknown,
    cancelled: SharedArrayBuffer = new SharedArrayBuffer(4),
  ): Promise<void> {
    try {
      const job = this.#jobs.get(name);
      if (job === undefined || this.#running !== null) {
        throw new VarveError(
          "E_WORKER",
          `Cannot run job ${JSON.stringify(name)}: ` +
            (job === undefined ? "this worker does not know it" : "this worker runs another job"),
        );
      }
      const controller = new AbortController();
      const flag = new Int32Array(cancelled);
      const queue = new ByteQueue((bytes) => this.#post({ kind: "credit", id, bytes }));
      this.#running = { id, queue, controller };
      try {
        const throttle = new ProgressThrottle((value) =>
          this.#post({ kind: "progress", id, value })
        );
        const output = await job.run(input as never, {
          signal: controller.signal,
          throwIfAborted: () => {
            // The `abort` message is not received until the event loop turns.
            if (Atomics.load(flag, 0) !== 0) controller.abort();
            controller.signal.throwIfAborted();
          },
          stream: queue,
          progress: (value) => throttle.report(value),
        });
        throttle.flush();
        this.#post({ kind: "done", id, output }, job.transfer?.(output));
      } finally {
        this.#running = null;
      }
    } catch (error) {
      this.#post({ kind: "failed", id, error: jobErrorRecord(name, error) });
    }
  }

  #post(message: FromWorker, transfer: Transferable[] = []): void {
    this.#scope.postMessage(message, transfer);
  }
}
