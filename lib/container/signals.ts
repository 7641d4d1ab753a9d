/** Signals that are forwarded to the container. */
const FORWARDED = [
  "SIGTERM",
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
] as const;

/** Signals of the keyboard. A terminal sends them to the runtime, too. */
const KEYBOARD: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];

/** How many interrupts kill a container, and within how many milliseconds: a first process can ignore all of them. */
const IMPATIENT = { interrupts: 3, within: 2000 };

/** Options of {@linkcode forwardSignals}. */
export interface ForwardOptions {
  /** Sends a signal to the container. */
  send(signal: Deno.Signal): void;
  /**
   * Kills the container. Called once, if it does not end after SIGTERM or after the end of its terminal, or if the user
   * of a shared terminal is impatient.
   */
  kill(): void;
  /** Milliseconds between SIGTERM and `kill`. */
  readonly grace: number;
  /** Whether this process and the runtime share a terminal. False if the container has its own terminal. */
  readonly sharedTerminal: boolean;
}

/** Forwards signals to a container until the returned object is disposed. */
export function forwardSignals(options: ForwardOptions): Disposable {
  const { send, grace, sharedTerminal } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isKilled = false;
  const kill = (): void => {
    if (!isKilled) options.kill();
    isKilled = true;
  };
  const hasTerminal = Deno.stdin.isTerminal();
  const listeners = FORWARDED.filter((name) => !sharedTerminal || !KEYBOARD.includes(name)).map(
    (name) => {
      const listener = () => {
        send(name);
        // A closed terminal never comes back, and nobody could attach another one.
        const isHungUp = name === "SIGHUP" && hasTerminal && !Deno.stdin.isTerminal();
        if (isHungUp) send("SIGTERM");
        // The kernel delivers no SIGTERM to a first process without a handler.
        if (isHungUp || name === "SIGTERM") timer ??= setTimeout(kill, grace);
      };
      Deno.addSignalListener(name, listener);
      return [name, listener] as const;
    },
  );
  // The runtime gets these signals itself. They must not end this process before the container.
  const held = KEYBOARD.filter(() => sharedTerminal).map((name) => {
    const listener = name === "SIGINT" ? untilImpatient(kill) : () => {};
    Deno.addSignalListener(name, listener);
    return [name, listener] as const;
  });
  return {
    [Symbol.dispose](): void {
      clearTimeout(timer);
      for (const [name, listener] of [...listeners, ...held]) {
        Deno.removeSignalListener(name, listener);
      }
    },
  };
}

/** A listener that calls a function when it was itself called several times within a short time. */
function untilImpatient(done: () => void): () => void {
  const times: number[] = [];
  return () => {
    times.push(performance.now());
    const first = times.at(-IMPATIENT.interrupts);
    if (first !== undefined && performance.now() - first <= IMPATIENT.within) done();
  };
}

/** How a process ended. */
export interface ProcessEnd {
  /** Its exit code as a shell reports it: 128 plus the number of the signal if a signal ended the process. */
  readonly code: number;
  /** Name or number of the signal; `null` if the process ended by itself. */
  readonly signal: string | null;
}

/** Waits for the end of a process. */
export async function endOf(child: Pick<Deno.ChildProcess, "status">): Promise<ProcessEnd> {
  try {
    const { code, signal } = await child.status;
    return { code, signal };
  } catch (error) {
    // Deno has no names for real-time signals, and throws.
    const [, number] = /^Invalid signal: ([0-9]+)$/.exec(String((error as Error)?.message)) ?? [];
    if (!(error instanceof TypeError) || number === undefined) throw error;
    return { code: 128 + Number(number), signal: number };
  }
}
