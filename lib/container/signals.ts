/** Signals that go on to the container. */
const FORWARDED = [
  "SIGTERM",
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
] as const;

/** Signals of the keyboard: a terminal sends them to the runtime as well. */
const KEYBOARD: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];

/** How signals are forwarded. */
export interface ForwardOptions {
  /** Sends one. */
  send(signal: Deno.Signal): void;
  /** Called once, when the container did not end after SIGTERM. */
  kill(): void;
  /** Milliseconds between SIGTERM and `kill`. */
  readonly grace: number;
  /** Whether this process shares a terminal with the runtime, which is not the container's own. */
  readonly sharedTerminal: boolean;
}

/** Forwards signals to a container until it is disposed. */
export function forwardSignals(options: ForwardOptions): Disposable {
  const { send, kill, grace, sharedTerminal } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners = FORWARDED.filter((name) => !sharedTerminal || !KEYBOARD.includes(name)).map(
    (name) => {
      const listener = () => {
        send(name);
        // A first process without a handler does not hear it.
        if (name === "SIGTERM") timer ??= setTimeout(kill, grace);
      };
      Deno.addSignalListener(name, listener);
      return [name, listener] as const;
    },
  );
  // The default would end this process, and with it the container, twice.
  const nothing = () => {};
  if (sharedTerminal) { for (const name of KEYBOARD) Deno.addSignalListener(name, nothing); }
  return {
    [Symbol.dispose](): void {
      clearTimeout(timer);
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
      if (sharedTerminal) { for (const name of KEYBOARD) Deno.removeSignalListener(name, nothing); }
    },
  };
}

/** Numbers of signals, for exit codes (the same on all of Linux that Deno runs on). */
const NUMBERS: Partial<Record<Deno.Signal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
};

/** The exit code of a process as a shell sees it. */
export function exitOf(status: Deno.CommandStatus): number {
  return status.signal === null ? status.code : 128 + (NUMBERS[status.signal] ?? 0);
}
