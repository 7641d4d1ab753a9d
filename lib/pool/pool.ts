import { VarveError } from "../errors.ts";
import type { Halves, Job, Pool, PoolOptions, RunOptions, WorkerEntry } from "./contract.ts";
import type { BriefJob, ProgramPool, ProgramPoolOptions } from "./program_pool.ts";
import { runHalves } from "./run_halves.ts";
import { runInline } from "./run_inline.ts";
import { spawnWorker } from "./spawn.ts";
import type { Task } from "./task.ts";
import { type LinkOptions, WorkerLink } from "./worker_link.ts";

/** Default bytes of a job's stream that may be in flight. */
const WINDOW = 4 * 1024 * 1024;
/**
 * Default maximum of jobs that run at once. A thread that makes a layer takes about 35 MiB for a
 * layer of any size. So a pull stays below 300 MiB, however many cores the machine has.
 */
const DEFAULT_WORKERS = 4;
/** Number of threads in addition to `size`, for the second halves of jobs. */
const EXTRA_THREADS = 2;
/** Default milliseconds of silence after which a worker is given up. */
const SILENCE_MS = 5 * 60 * 1000;
/**
 * Milliseconds that a disposed pool waits for its handlers to close what they opened. A shorter
 * time would be dangerous: a thread goes on until it returns to its event loop, and may use
 * descriptors that the caller closes after dispose.
 */
const GRACE_MS = 5000;

/**
 * Makes a pool of workers, which keep the process alive until the pool is disposed. No worker starts
 * before a job needs it.
 *
 * @throws {RangeError} when `workers`, `window` or `silence` is not a positive number
 *
 * @example
 * ```ts ignore
 * await using pool = createPool({ workers: 4 });
 * const outputs = await Promise.all(inputs.map((input) => pool.run(job, input)));
 * ```
 */
export function createPool(options: PoolOptions = {}): Pool {
  return createProgramPool({ ...options, mayBlock: false });
}

/** Makes a pool for a program that only waits for its jobs. @throws {RangeError} as {@linkcode createPool} */
export function createProgramPool(options: ProgramPoolOptions = {}): ProgramPool {
  return new WorkerPool(options);
}

/** A job in the queue. */
interface Waiting {
  readonly start: () => void;
  readonly controller: AbortController;
}

/** A worker that was started before a job needed it. */
interface Prepared {
  /**
   * Resolves to the worker when it is ready and its warm-up, if any, has ended. Resolves to `null`
   * when the worker could not be started.
   */
  readonly link: Promise<WorkerLink | null>;
  /** Aborted when a job needs the worker. The abort ends the warm-up. */
  readonly wanted: AbortController;
}

class WorkerPool implements ProgramPool {
  readonly size: number;
  /** Maximum number of threads. */
  readonly #threads: number;
  readonly #mayBlock: boolean;
  /** Threads that have a job. */
  #busy = 0;
  #inline: boolean;
  #disposed = false;
  readonly #options: LinkOptions;
  readonly #spawn: (entry: WorkerEntry) => Worker;
  readonly #warn: (message: string) => void;
  readonly #queue: Waiting[] = [];
  readonly #running = new Map<Promise<unknown>, AbortController>();
  readonly #links = new Set<WorkerLink>();
  readonly #idle: WorkerLink[] = [];
  readonly #prepared = new Map<WorkerEntry, Prepared>();

  constructor(options: ProgramPoolOptions) {
    const cores = Math.min(navigator.hardwareConcurrency, DEFAULT_WORKERS);
    this.size = positive("workers", options.workers ?? cores);
    this.#threads = this.size > 1 ? this.size + EXTRA_THREADS : 1;
    this.#mayBlock = options.mayBlock ?? false;
    this.#options = {
      window: positive("window", options.window ?? WINDOW),
      silence: positive("silence", options.silence ?? SILENCE_MS),
      onDeath: (link) => this.#forget(link),
    };
    this.#inline = options.inline ?? typeof Worker === "undefined";
    this.#spawn = options.spawn ?? spawnWorker;
    this.#warn = options.onWarning ?? warnOnce;
  }

  get inline(): boolean {
    return this.#inline;
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  prepare(entry: WorkerEntry): void {
    this.#prepare(entry);
  }

  warmUp<Input>(job: Job<Input, unknown>, input: Input): void {
    const prepared = this.#prepare(job.entry);
    if (prepared === undefined) return;
    const link = this.#warmUp(prepared, job, input);
    this.#prepared.set(job.entry, { ...prepared, link });
  }

  #prepare(entry: WorkerEntry): Prepared | undefined {
    if (this.#inline || this.#disposed) return undefined;
    if (this.#idle.some((link) => link.entry === entry)) return undefined;
    const prepared = this.#prepared.get(entry) ??
      { link: this.#newLink(entry), wanted: new AbortController() };
    this.#prepared.set(entry, prepared);
    return prepared;
  }

  async #warmUp<Input>(
    { link, wanted: { signal } }: Prepared,
    job: Job<Input, unknown>,
    input: Input,
  ): Promise<WorkerLink | null> {
    const ready = await link;
    if (ready === null || signal.aborted) return ready;
    try {
      await ready.run(job.name, input, { signal, stream: undefined, onProgress: undefined });
    } catch {
      // Reuse the worker if the warm-up was aborted on purpose. Discard the worker if the warm-up
      // failed.
      if (!signal.aborted) ready.end();
    }
    return ready;
  }

  run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options: RunOptions = {},
  ): Promise<Output> {
    const { signal } = options;
    if (this.#disposed) {
      return refuse(options, new TypeError(`Cannot run job ${job.name}: the pool is disposed`));
    }
    if (signal?.aborted) return refuse(options, signal.reason);
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const task: Task = {
      signal: controller.signal,
      stream: options.stream,
      onProgress: options.onProgress,
    };
    return new Promise<Output>((resolve, reject) => {
      const waiting: Waiting = {
        controller,
        start: () => {
          controller.signal.removeEventListener("abort", leave);
          const running = this.#start(job, input, task).then(resolve, reject).finally(() => {
            this.#running.delete(running);
            this.#next();
          });
          this.#running.set(running, controller);
        },
      };
      const leave = () => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        refuse(options, controller.signal.reason).catch(reject);
      };
      controller.signal.addEventListener("abort", leave, { once: true });
      this.#queue.push(waiting);
      this.#next();
    }).finally(() => signal?.removeEventListener("abort", abort));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const reason = new DOMException("Cannot finish the job: the pool is disposed", "AbortError");
    for (const { controller } of this.#queue.slice()) controller.abort(reason);
    for (const controller of this.#running.values()) controller.abort(reason);
    if (this.#running.size > 0) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([
        Promise.all(this.#running.keys()),
        new Promise((resolve) => timer = setTimeout(resolve, GRACE_MS)),
      ]);
      clearTimeout(timer);
    }
    for (const link of [...this.#links]) link.end();
  }

  #next(): void {
    while (this.#running.size < this.size) {
      const waiting = this.#queue.shift();
      if (waiting === undefined) return;
      waiting.start();
    }
  }

  async #start<Input, Output>(job: Job<Input, Output>, input: Input, task: Task): Promise<Output> {
    const halves = this.#hasRoom ? job.halves?.(input) ?? null : null;
    const threads = halves === null ? 1 : 2;
    this.#busy += threads;
    try {
      return await this.#run(job, input, task, halves);
    } finally {
      this.#busy -= threads;
    }
  }

  async #run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    task: Task,
    halves: Halves<Output> | null,
  ): Promise<Output> {
    if (
      this.#mayBlock && this.#busy === 1 && isBrief(job, input) && !this.#hasFreeWorker(job.entry)
    ) {
      return await runInline(job, input, task);
    }
    const [link, helper] = await Promise.all([
      this.#link(job.entry),
      halves === null ? null : this.#link(job.entry),
    ]);
    try {
      if (task.signal.aborted) return await refuse(task, task.signal.reason);
      if (link === null) return await runInline(job, input, task);
      if (halves !== null && helper !== null && this.#queue.length === 0) {
        return await runHalves(halves, { front: helper, back: link }, task);
      }
      return await link.run(job.name, input, task) as Output;
    } finally {
      for (const used of [helper, link]) if (used !== null && !used.dead) this.#idle.push(used);
    }
  }

  /**
   * Whether a job that starts may have a second worker. It may not while other jobs wait, because
   * the waiting jobs make better use of a core. Enough threads must also be left for all further
   * jobs that may start.
   */
  get #hasRoom(): boolean {
    const others = this.size - this.#running.size - 1;
    return this.#queue.length === 0 && this.#busy + 2 + others <= this.#threads;
  }

  /** Whether a worker of the entry is started and has no job. */
  #hasFreeWorker(entry: WorkerEntry): boolean {
    return this.#prepared.has(entry) || this.#idle.some((link) => link.entry === entry);
  }

  /**
   * Takes an idle, prepared or new worker of the entry. Returns `null` when the job has to run
   * inline.
   */
  async #link(entry: WorkerEntry): Promise<WorkerLink | null> {
    if (this.#inline) return null;
    const at = this.#idle.findLastIndex((link) => link.entry === entry);
    if (at >= 0) return this.#idle.splice(at, 1)[0] as WorkerLink;
    const prepared = this.#prepared.get(entry);
    this.#prepared.delete(entry);
    prepared?.wanted.abort();
    const link = await prepared?.link;
    return link === undefined || link?.dead === true ? await this.#newLink(entry) : link;
  }

  async #newLink(entry: WorkerEntry): Promise<WorkerLink | null> {
    // The pool may have been disposed while this job waited for a prepared worker that died.
    // Nothing would end a new worker.
    if (this.#disposed) return null;
    // An idle worker of another entry makes room.
    if (this.#links.size >= this.#threads) this.#idle[0]?.end();
    let reason: string;
    try {
      const link = new WorkerLink(entry, this.#spawn(entry), this.#options);
      this.#links.add(link);
      if (await link.ready) return link;
      reason = `a worker ${link.death}`;
    } catch (error) {
      // No thread could be started. Handle it like an entry that cannot be loaded.
      const { message, hint } = describe(error);
      reason = hint === undefined ? message : `${message} (${hint})`;
    }
    if (!this.#disposed) this.#goInline(reason);
    return null;
  }

  /**
   * Called when no workers can be started. Idle workers end, running jobs go on, and later jobs run
   * inline.
   */
  #goInline(reason: string): void {
    if (this.#inline) return;
    this.#inline = true;
    for (const link of this.#idle.slice()) link.end();
    this.#warn(
      `jobs run one at a time on the main thread, because no worker can be started: ${reason}`,
    );
  }

  #forget(link: WorkerLink): void {
    this.#links.delete(link);
    const at = this.#idle.indexOf(link);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

function isBrief<Input>(
  job: Job<Input, unknown> | BriefJob<Input, unknown>,
  input: Input,
): boolean {
  return "isBrief" in job && job.isBrief(input);
}

/** Closes the stream of a job that does not begin, and rejects. */
async function refuse({ stream }: Pick<RunOptions, "stream">, reason: unknown): Promise<never> {
  try {
    await stream?.[Symbol.asyncIterator]().return?.();
  } catch {
    // What the caller's stream throws is of no use to a job that does not begin.
  }
  throw reason;
}

/** Messages that were printed. A program may make many pools, also without knowing it. */
const printed = new Set<string>();

function warnOnce(message: string): void {
  if (printed.has(message)) return;
  printed.add(message);
  // deno-lint-ignore no-console
  console.warn(`varve: warning: ${message}`);
}

function describe(
  error: unknown,
): { readonly message: string; readonly hint?: string | undefined } {
  if (error instanceof VarveError) return { message: error.message, hint: error.details.hint };
  return { message: error instanceof Error ? error.message : String(error) };
}

function positive(name: string, value: number): number {
  if (value >= 1 && Number.isFinite(value)) return Math.floor(value);
  throw new RangeError(`Cannot make a pool: ${name} is ${value}, not a positive number`);
}
