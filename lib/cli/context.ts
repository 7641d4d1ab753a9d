/** What a verb works with: its io, the global options, and the store, pool and snapshotter made from them. */
import type { Command } from "commander";
import { createProgramPool, type ProgramPool } from "../pool/internal.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import { type DiskStore, openStore } from "../store/mod.ts";
import { printable } from "./display/printable.ts";
import { createProgress, type Progress } from "./display/progress.ts";
import { type GlobalOptions, workersOf } from "./options.ts";

/** The terminal, as the command line sees it. Tests give their own. */
export interface Io {
  /** Environment variables. */
  env(name: string): string | undefined;
  /** Writes text or bytes to standard output. */
  stdout(data: string | Uint8Array): Promise<void>;
  /** Writes text to standard error. */
  stderr(text: string): void;
  /** Standard input. */
  stdin(): ReadableStream<Uint8Array>;
  /** Whether the stream is a terminal. */
  isTerminal(stream: "stdin" | "stdout" | "stderr"): boolean;
  /** Lets what is typed into standard input not be seen, and come at once, until disposed. */
  hideInput?(): Disposable;
  /** The command line that starts this program, without words of its own. */
  self?(): readonly string[];
  /** Lets signals that would end the command be the verb's own matter, until disposed. */
  holdSignals?(): Disposable;
}

/** A verb's surroundings. Everything that it opened is closed when the verb ends. */
export class Context implements AsyncDisposable {
  /** The terminal. */
  readonly io: Io;
  /** Global options, environment folded in. */
  readonly options: GlobalOptions;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Builds the whole command line, for a verb that answers questions about it. */
  readonly commandLine: () => Promise<Command>;
  readonly #stack = new AsyncDisposableStack();
  #store: Promise<DiskStore> | undefined;
  #pool: ProgramPool | undefined;
  #snapshotter: Promise<Snapshotter> | undefined;
  #progress: Progress | undefined;
  readonly #warnings: string[] = [];

  /** Opens nothing yet. */
  constructor(
    io: Io,
    options: GlobalOptions,
    signal: AbortSignal,
    commandLine: () => Promise<Command>,
  ) {
    this.io = io;
    this.options = options;
    this.signal = signal;
    this.commandLine = commandLine;
  }

  /** The store, opened at first use. */
  store(): Promise<DiskStore> {
    this.#store ??= (async () => {
      const { durability } = this.options;
      const store = await openStore({
        root: this.options.root,
        durability,
      });
      return this.#stack.use(store);
    })();
    return this.#store;
  }

  /** The worker pool, made at first use. `mayBlock`: the verb only waits for its jobs and serves nobody meanwhile. */
  async pool(
    { mayBlock = true }: { readonly mayBlock?: boolean | undefined } = {},
  ): Promise<ProgramPool> {
    const workers = workersOf(this.options, await this.store());
    this.#pool ??= this.#stack.use(
      createProgramPool({ mayBlock, workers }),
    );
    return this.#pool;
  }

  /** The snapshotter with the driver that the options, the settings or the machine select. */
  snapshotter(): Promise<Snapshotter> {
    this.#snapshotter ??= (async () => {
      const { createSnapshotter, selectDriver } = await import("../snapshot/mod.ts");
      const store = await this.store();
      const driver = selectDriver({
        store,
        pool: await this.pool(),
        wanted: this.options.driver ?? store.settings.get("driver"),
        onWarning: (message) => this.warn(message),
      });
      return createSnapshotter({ store, driver });
    })();
    return this.#snapshotter;
  }

  /** Progress on standard error. */
  get progress(): Progress {
    this.#progress ??= createProgress(
      this.options,
      (text) => this.io.stderr(text),
      this.io.isTerminal("stderr"),
    );
    return this.#progress;
  }

  /** Leaves the terminal to other output: bars would be drawn over it. */
  endProgress(): void {
    this.#progress?.[Symbol.dispose]();
    this.#progress = undefined;
    for (const message of this.#warnings.splice(0)) this.warn(message);
  }

  /** One line of warning on standard error; it waits while there is progress. */
  warn(message: string): void {
    if (this.options.quiet) return;
    if (this.#progress === undefined) {
      this.io.stderr(`varve: warning: ${printable(message)}\n`);
    } else this.#warnings.push(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endProgress();
    await this.#stack.disposeAsync();
  }
}
