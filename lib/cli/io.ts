/** The standard streams and the environment of one command. Tests pass their own. */
export interface Io {
  /** Value of an environment variable; `undefined` when it is not set. */
  env(name: string): string | undefined;
  /** Writes text or bytes to standard output. Resolves when all of it is written. */
  stdout(data: string | Uint8Array): Promise<void>;
  /** Writes text to standard error. */
  stderr(text: string): void;
  /** Standard input. */
  stdin(): ReadableStream<Uint8Array>;
  /** Whether a standard stream is a terminal. */
  isTerminal(stream: "stdin" | "stdout" | "stderr"): boolean;
  /**
   * Size of the terminal of a standard stream, in characters; `undefined` when the stream is not a terminal, or the
   * terminal does not report its size.
   */
  size?(
    stream: "stdout" | "stderr",
  ): { readonly columns: number; readonly rows: number } | undefined;
  /** Hides what the user types and delivers it character by character. Dispose to restore the terminal. */
  hideInput?(): Disposable;
  /**
   * Takes the terminal of standard input and standard output for a full-screen view: what is typed arrives at once and
   * is not shown, and the screen is another one. Until it is disposed of, SIGINT, SIGTERM and SIGHUP abort the command,
   * even after {@linkcode endAtSignals}.
   */
  takeTerminal?(): TakenTerminal;
  /**
   * Whether the words of the command line are as the user typed them. Deno puts U+FFFD in place of bytes that are not UTF-8,
   * so that a word would name another file.
   */
  hasExactWords?(): boolean;
  /** The program and the arguments that start varve itself, before any verb. */
  self?(): readonly string[];
  /** Stops SIGINT, SIGTERM and SIGHUP from aborting the command: the verb handles them itself. Dispose to resume. */
  holdSignals?(): Disposable;
  /** Lets SIGINT, SIGTERM and SIGHUP end the process at once, whatever it does, instead of aborting the command. */
  endAtSignals?(): void;
}

/** A terminal that shows a full-screen view. Dispose to restore it. */
export interface TakenTerminal extends Disposable {
  /** Whether colours are wanted: `NO_COLOR` is not set. */
  readonly isColored: boolean;
  /** The next bytes that the user types; `null` when there is no terminal any more. */
  read(): Promise<Uint8Array | null>;
  /** Size in characters. */
  size(): { readonly columns: number; readonly rows: number };
  /** Calls a function after each change of the size. */
  onResize(listener: () => void): void;
}
