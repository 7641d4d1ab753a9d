/** The context of a verb: standard streams, global options, and the store, pool and snapshotter made from them. */
import { escapeText } from "../bytes/mod.ts";
import type { Command } from "commander";
import { isVarveError } from "../errors.ts";
import type { ProgramPool } from "../pool/internal.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import { createProgress, loadBars, type MakeBars } from "./display/create_progress.ts";
import { extractProgress } from "./display/extract_progress.ts";
import { writeMessage } from "./display/output.ts";
import type { Progress } from "./display/progress.ts";
import type { BarTerminal } from "./display/progress_bars.ts";
import type { Template } from "./display/template.ts";
import type { Io } from "./io.ts";
import { inCommandWords } from "./mistakes/command_words.ts";
import { type GlobalOptions, workersOf } from "./options.ts";
import { mayLackStore, noStore, type WithoutStore } from "./without_store.ts";

/** Size in characters that is assumed for a terminal that does not report its size. */
const UNKNOWN_SIZE = { columns: 80, rows: 24 };

/** Whether the terminal cannot move its cursor, so that no bars can be drawn. */
function isDumb(io: Io): boolean {
  return ["", "dumb"].includes(io.env("TERM") ?? "");
}

/**
 * The context of a verb. It opens the store, the pool and the snapshotter at their first use, and closes them when the
 * verb ends.
 */
export class Context implements AsyncDisposable {
  /** Standard streams and environment. */
  readonly io: Io;
  /** Global options, completed from the environment. */
  readonly options: GlobalOptions;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Builds the model of the command line: the part that words name, or for shell completion without words all of it. */
  readonly commandLine: (words?: readonly string[]) => Promise<Command>;
  readonly #withoutStore: WithoutStore;
  readonly #stack = new AsyncDisposableStack();
  #store: Promise<DiskStore | undefined> | undefined;
  #isNewStore = false;
  #pool: ProgramPool | undefined;
  #snapshotter: Promise<Snapshotter> | undefined;
  #progress: Progress | undefined;
  #makeBars: MakeBars | undefined;
  #template: Template | undefined;
  /** Messages that wait for the end of the progress. */
  readonly #waiting: string[] = [];

  /** Does not open anything. */
  constructor(
    io: Io,
    options: GlobalOptions,
    signal: AbortSignal,
    commandLine: (words?: readonly string[]) => Promise<Command>,
    withoutStore: WithoutStore,
  ) {
    this.io = io;
    this.options = options;
    this.signal = signal;
    this.commandLine = commandLine;
    this.#withoutStore = withoutStore;
  }

  /**
   * The store, opened at the first call. Where there is none, the verb decides whether it is made.
   *
   * @throws {VarveError} `E_NOT_FOUND` there is none, and this verb does not make one
   */
  async store(): Promise<DiskStore> {
    const store = await this.#openStore();
    if (store === undefined) throw noStore(this.options);
    return store;
  }

  /**
   * The store, or `undefined` where there is none and this verb treats that as an empty store or reports it.
   *
   * @throws {VarveError} `E_NOT_FOUND` there is none, and the verb must not ignore that
   */
  async storeIfAny(): Promise<DiskStore | undefined> {
    const isOptional = mayLackStore(this.#withoutStore, this.options);
    return isOptional ? await this.#openStore() : await this.store();
  }

  /** Whether {@linkcode store} made the store. */
  get isNewStore(): boolean {
    return this.#isNewStore;
  }

  /** Opens the store. Where there is none, makes it only if the verb makes stores. */
  #openStore(): Promise<DiskStore | undefined> {
    this.#store ??= (async () => {
      const { root, durability } = this.options;
      const { openStore } = await import("../store/mod.ts");
      const onWarning = (message: string) => this.warn(message);
      const onWait = (message: string) => this.tellWait(message);
      const open = async (create: boolean) =>
        this.#stack.use(await openStore({ root, durability, create, onWarning, onWait }));
      try {
        return await open(false);
      } catch (error) {
        if (!isVarveError(error, "E_NOT_FOUND")) throw error;
        if (this.#withoutStore !== "makes") return undefined;
        this.#isNewStore = true;
        return await open(true);
      }
    })();
    return this.#store;
  }

  /** The store, or `undefined` where there is none. For a verb that only wants its settings. */
  storeIfThere(): Promise<DiskStore | undefined> {
    return this.#openStore();
  }

  /** Closes something when the verb ends. */
  use<T extends AsyncDisposable>(resource: T): T {
    return this.#stack.use(resource);
  }

  /**
   * The worker pool, made at the first call.
   *
   * @param options `mayBlock`: the verb only waits for its jobs, so a brief job may run on the main thread. A server
   *   passes `false`.
   */
  async pool(
    { mayBlock = true }: { readonly mayBlock?: boolean | undefined } = {},
  ): Promise<ProgramPool> {
    const workers = workersOf(this.options, await this.#openStore());
    const { createProgramPool } = await import("../pool/internal.ts");
    this.#pool ??= this.#stack.use(
      createProgramPool({ mayBlock, workers, onWarning: (message) => this.warn(message) }),
    );
    return this.#pool;
  }

  /**
   * The snapshotter, made at the first call. Its driver comes from the options, else from the settings. If neither
   * names a driver, the best driver that works is used: that is tried when a driver is needed.
   */
  snapshotter(): Promise<Snapshotter> {
    this.#snapshotter ??= (async () => {
      const { createSnapshotter, selectDriver } = await import("../snapshot/mod.ts");
      const store = await this.store();
      const pool = await this.pool();
      return createSnapshotter(store, {
        driver: () =>
          selectDriver(store, {
            pool,
            wanted: this.options.driver,
            onWarning: (message) => this.warn(message),
            onExtract: extractProgress(() => this.progress),
          }),
      });
    })();
    return this.#snapshotter;
  }

  /** Columns of the terminal on standard output; `undefined` when standard output is not a terminal. */
  get columns(): number | undefined {
    return this.io.size?.("stdout")?.columns;
  }

  /** Whether results can be shown in a full-screen view: there is a whole terminal, and no format is asked for. */
  get hasScreen(): boolean {
    const { io, options } = this;
    return io.takeTerminal !== undefined && !options.isFormatGiven && !isDumb(io) &&
      io.isTerminal("stdin") && io.isTerminal("stdout");
  }

  /** The template of `--format`. */
  get template(): Template | undefined {
    return this.#template;
  }

  /** Reads the template of `--format`. @throws {VarveError} `E_USAGE` */
  async prepareTemplate(text: string): Promise<void> {
    const { Template } = await import("./display/template.ts");
    this.#template = new Template(text);
  }

  /** Loads what draws bars, where standard error can show some. Without this call, progress is shown in lines. */
  async prepareBars(): Promise<void> {
    const terminal = this.#barTerminal();
    if (terminal !== undefined) this.#makeBars = await loadBars(terminal);
  }

  /** Progress on standard error. */
  get progress(): Progress {
    this.#progress ??= createProgress(
      this.options,
      (text) => writeMessage(this.io, text),
      this.#makeBars,
    );
    return this.#progress;
  }

  /** The terminal on standard error, if it can move its cursor. */
  #barTerminal(): BarTerminal | undefined {
    if (!this.io.isTerminal("stderr") || isDumb(this.io)) return undefined;
    return {
      write: (text) => this.io.stderr(text),
      size: () => this.io.size?.("stderr") ?? UNKNOWN_SIZE,
    };
  }

  /** Ends the display of progress, which would overwrite other output, and prints the messages that waited for it. */
  endProgress(): void {
    this.#progress?.[Symbol.dispose]();
    this.#progress = undefined;
    for (const message of this.#waiting.splice(0)) this.say(message);
  }

  /** Prints a warning as one line on standard error. If progress is shown, the warning waits until it ends. */
  warn(message: string): void {
    this.say(`varve: warning: ${escapeText(inCommandWords(message))}`);
  }

  /** Prints on standard error what the verb waits for. */
  tellWait(message: string): void {
    this.#tell(`varve: waiting: ${inCommandWords(message)}`);
  }

  /** Prints a line on standard error at once, above the progress. */
  #tell(line: string): void {
    if (this.options.quiet) return;
    if (this.#progress === undefined) writeMessage(this.io, `${escapeText(line)}\n`);
    else this.#progress.say(escapeText(line));
  }

  /** Prints a line on standard error, as {@linkcode warn} does. */
  say(line: string): void {
    if (this.options.quiet) return;
    if (this.#progress === undefined) writeMessage(this.io, `${line}\n`);
    else this.#waiting.push(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endProgress();
    await this.#stack.disposeAsync();
  }
}
