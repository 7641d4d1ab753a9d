/** The caller's end of one worker: sends jobs, watches for signs of life, notices its death. */
import { type ErrorRecord, fromErrorRecord, VarveError } from "../errors.ts";
import type { WorkerEntry } from "./contract.ts";
import { jobErrorRecord } from "./job_error.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { Pump } from "./pump.ts";
import type { Task } from "./task.ts";

/** Milliseconds that a worker may take to load its entry, on a busy machine. */
const START_MS = 60_000;
/**
 * Number of pings in a row that a worker may leave unanswered. It is more than one, because the
 * answer to one ping is late when the machine was suspended in between.
 */
const MAX_MISSED = 4;

/** A job that the worker runs. */
interface Run {
  readonly id: number;
  readonly job: string;
  readonly task: Task;
  readonly pump: Pump;
  /** Memory that the worker shares: not 0 once the job is cancelled. */
  readonly flag: Int32Array<SharedArrayBuffer>;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Why the job was cancelled; the first reason stays. */
  cancelled: { readonly reason: unknown } | null;
  /** The error of the caller's stream, and the record of it that was sent to the worker. */
  failure: { readonly error: unknown; readonly record: ErrorRecord } | null;
  /** Pings since the last message of the worker, or since the job was cancelled. */
  missed: number;
}

/** Options of a {@linkcode WorkerLink}. */
export interface LinkOptions {
  /** Bytes of a stream that may be in flight. */
  readonly window: number;
  /** Milliseconds without a sign of life after which a worker with a job is given up. */
  readonly silence: number;
  /** Called once when the worker dies, before its job fails. */
  readonly onDeath: (link: WorkerLink) => void;
}

/**
 * One worker, from the caller's side. It runs one job at a time. Once it is `dead` it runs no more
 * jobs.
 */
export class WorkerLink {
  /** The entry that the worker was started with. */
  readonly entry: WorkerEntry;
  /** Resolves to true when the worker serves, to false when its entry could not be loaded. Never rejects. */
  readonly ready: Promise<boolean>;
  #dead = false;
  #death = "";
  #run: Run | null = null;
  #ids = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isReady: (ready: boolean) => void = () => {};
  readonly #worker: Worker;
  readonly #options: LinkOptions;

  /** Takes a worker that was just started. */
  constructor(entry: WorkerEntry, worker: Worker, options: LinkOptions) {
    this.entry = entry;
    this.#worker = worker;
    this.#options = options;
    this.ready = new Promise((resolve) => this.#isReady = resolve);
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
    worker.onmessageerror = () => this.#die("sent an unreadable message");
    worker.onerror = (event) => {
      event.preventDefault();
      this.#die(`failed: ${event.message}`);
    };
    this.#watch(START_MS, () => this.#die("did not start"));
  }

  /** Whether the worker ended or was given up. */
  get dead(): boolean {
    return this.#dead;
  }

  /** What happened to a dead worker, such as `"did not start"`; empty while it lives. */
  get death(): string {
    return this.#death;
  }

  /** Runs a job. Settles when the handler has settled, or when the worker is dead. */
  run(job: string, input: unknown, task: Task): Promise<unknown> {
    const { signal } = task;
    if (this.#dead) {
      const message = `Cannot run job ${job}: its worker is dead`;
      return Promise.reject(new VarveError("E_WORKER", message));
    }
    return new Promise((resolve, reject) => {
      const id = ++this.#ids;
      const pump = new Pump(this.#options.window, {
        chunk: (bytes) => this.#post({ kind: "chunk", id, bytes }, [bytes.buffer]),
        end: () => this.#post({ kind: "end", id }),
        fail: (error) => {
          const record = jobErrorRecord(job, error);
          run.failure = { error, record };
          this.#post({ kind: "end", id, error: record });
        },
      });
      const flag = new Int32Array(new SharedArrayBuffer(4));
      const cancel = () => this.#cancel(run, signal.reason);
      const settle = <T>(how: (value: T) => void) => (value: T) => {
        signal.removeEventListener("abort", cancel);
        how(value);
      };
      const run: Run = {
        id,
        job,
        task,
        pump,
        flag,
        resolve: settle(resolve),
        reject: settle(reject),
        cancelled: null,
        failure: null,
        missed: 0,
      };
      try {
        this.#post({ kind: "run", id, job, input, cancelled: flag.buffer });
      } catch (cause) {
        reject(new TypeError(`Cannot run job ${job}: its input cannot be cloned`, { cause }));
        return;
      }
      this.#run = run;
      signal.addEventListener("abort", cancel, { once: true });
      this.#watch(this.#options.silence, () => this.#die("fell silent"));
      if (task.stream === undefined) this.#post({ kind: "end", id });
      else void pump.run(task.stream);
      if (signal.aborted) cancel();
    });
  }

  /** Ends the thread. Its running job, if any, fails with `E_WORKER`. */
  end(): void {
    this.#die("was ended");
  }

  #receive(message: FromWorker | null | undefined): void {
    if (this.#dead) return;
    const run = this.#run;
    if (run !== null && run.cancelled === null) run.missed = 0;
    switch (message?.kind) {
      case "ready":
        this.#unwatch();
        return this.#isReady(true);
      case "pong":
        return;
      case "dead":
        return this.#die(`failed: ${message.error.message}`);
    }
    if (typeof message?.id !== "number") return this.#die("sent an unknown message");
    // Ignore messages of an earlier job: its handler may leave work behind that still reads or
    // reports.
    if (run === null || message.id !== run.id) return;
    switch (message.kind) {
      case "credit":
        return run.pump.credit(message.bytes);
      case "progress":
        try {
          run.task.onProgress?.(message.value);
        } catch (error) {
          this.#cancel(run, error);
        }
        return;
      case "done":
        this.#finish();
        if (run.cancelled !== null) return run.reject(run.cancelled.reason);
        return run.resolve(message.output);
      case "failed":
        this.#finish();
        return run.reject(reasonOf(run, message.error));
      default:
        return this.#die("sent an unknown message");
    }
  }

  #cancel(run: Run, reason: unknown): void {
    if (run.cancelled !== null || this.#run !== run) return;
    run.cancelled = { reason };
    run.missed = 0;
    run.pump.stop();
    Atomics.store(run.flag, 0, 1);
    this.#post({ kind: "abort", id: run.id });
  }

  #finish(): void {
    this.#unwatch();
    this.#run?.pump.stop();
    this.#run = null;
  }

  #die(state: string): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#death = state;
    this.#worker.terminate();
    const run = this.#run;
    this.#finish();
    this.#isReady(false);
    this.#options.onDeath(this);
    if (run === null) return;
    run.reject(
      run.cancelled !== null
        ? run.cancelled.reason
        : new VarveError("E_WORKER", `Cannot finish job ${run.job}: its worker ${state}`),
    );
  }

  /**
   * Pings the worker at intervals, and calls `silent` when it answers none of
   * {@linkcode MAX_MISSED} pings. A worker whose event loop turns answers each ping before the
   * next.
   */
  #watch(limit: number, silent: () => void): void {
    let starting = 0;
    this.#timer = setInterval(() => {
      const missed = this.#run === null ? ++starting : ++this.#run.missed;
      if (missed > MAX_MISSED) silent();
      else this.#post({ kind: "ping" });
    }, Math.max(1, limit / MAX_MISSED));
  }

  #unwatch(): void {
    clearInterval(this.#timer);
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    if (!this.#dead) this.#worker.postMessage(message, transfer);
  }
}

/**
 * The error of a failed job. If the caller's own stream failed, returns the same object that the
 * stream threw.
 */
function reasonOf(run: Run, record: ErrorRecord): unknown {
  if (run.cancelled !== null) return run.cancelled.reason;
  const sent = run.failure?.record;
  // The worker made an error from the record and sent it back. The stacks differ, so code and
  // message identify it.
  if (sent !== undefined && sent.code === record.code && sent.message === record.message) {
    return run.failure?.error;
  }
  return fromErrorRecord(record);
}
