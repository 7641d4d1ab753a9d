/**
 * The command `varve`, and the command line as a library: {@linkcode runCli} runs one command.
 *
 * Run as a program, this module reads the process's arguments, environment and signals. It is the only module that does
 * so. When another module imports it, it does nothing by itself.
 *
 * @module
 */
import { openLazily } from "../linux/mod.ts";
import type { Io, TakenTerminal } from "./io.ts";
import { processVariable } from "./process_variables.ts";
import { INTERRUPTED, runCli } from "./run.ts";

export * from "./mod.ts";

/** Signals that end a command cleanly, with their numbers, which are the same on every Linux. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Runs a command, and aborts it at the first of {@linkcode SIGNALS}. A second signal ends the process at once. */
async function withSignals(run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  let ended = INTERRUPTED;
  for (const [name, number] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
    const listener = () => {
      if (held) return;
      if (controller.signal.aborted) {
        taken?.[Symbol.dispose]();
        Deno.exit(128 + number);
      }
      ended = 128 + number;
      controller.abort(new DOMException(`Interrupted by ${name}`, "AbortError"));
    };
    Deno.addSignalListener(name, listener);
    listeners.set(name, listener);
  }
  const code = await run(controller.signal);
  return code === INTERRUPTED ? ended : code;
}

/** The listeners that abort the command. */
const listeners = new Map<keyof typeof SIGNALS, () => void>();

/** The terminal, while a full-screen view has it. */
let taken: TakenTerminal | undefined;

/** Whether a verb handles signals itself. */
let held = false;

/** Whether Deno lets varve read a variable without asking the user. */
function isGranted(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const io: Io = {
  // TERM affects only how progress is drawn. So do not ask the user for the permission to read it.
  env: (name) => name === "TERM" && !isGranted(name) ? undefined : processVariable(name),
  async stdout(data) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  },
  stderr(text) {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
    } catch {
      // Nobody reads standard error any more. The command goes on.
    }
  },
  stdin: () => Deno.stdin.readable,
  isTerminal: (stream) => Deno[stream].isTerminal(),
  size(stream) {
    if (!Deno[stream].isTerminal()) return undefined;
    // A terminal may not know its size.
    const size = Deno.consoleSize();
    return size.columns > 0 && size.rows > 0 ? size : undefined;
  },
  hideInput() {
    // With cbreak, Ctrl-C still ends the command.
    Deno.stdin.setRaw(true, { cbreak: true });
    return { [Symbol.dispose]: () => Deno.stdin.setRaw(false) };
  },
  takeTerminal() {
    for (const [name, listener] of listeners) {
      Deno.removeSignalListener(name, listener);
      Deno.addSignalListener(name, listener);
    }
    const write = (text: string) => void Deno.stdout.writeSync(new TextEncoder().encode(text));
    const buffer = new Uint8Array(1024);
    const resizeListeners: (() => void)[] = [];
    Deno.stdin.setRaw(true);
    // Another screen (1049), no cursor (25), and no new line where a line is too long (7).
    write("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J");
    return taken = {
      isColored: !Deno.noColor,
      async read() {
        const length = await Deno.stdin.read(buffer);
        return length === null ? null : buffer.slice(0, length);
      },
      size: () => Deno.consoleSize(),
      onResize(listener) {
        resizeListeners.push(listener);
        Deno.addSignalListener("SIGWINCH", listener);
      },
      [Symbol.dispose]() {
        if (taken === undefined) return;
        taken = undefined;
        for (const one of resizeListeners) Deno.removeSignalListener("SIGWINCH", one);
        Deno.stdin.setRaw(false);
        write("\x1b[?7h\x1b[?25h\x1b[?1049l");
      },
    };
  },
  hasExactWords() {
    // It is asked only where a word has U+FFFD. What cannot be found out without asking the user counts as exact.
    if (Deno.permissions.querySync({ name: "read" }).state !== "granted") return true;
    let words: Uint8Array;
    try {
      words = Deno.readFileSync("/proc/self/cmdline");
    } catch {
      return true;
    }
    return isUtf8(words);
  },
  self: () =>
    Deno.build.standalone
      ? [Deno.execPath()]
      : [Deno.execPath(), "run", "-A", "--quiet", Deno.mainModule],
  holdSignals() {
    held = true;
    return { [Symbol.dispose]: () => held = false };
  },
  endAtSignals() {
    // Without a listener, a signal ends the process at once. Deno does that from a thread of its own, so it works even
    // while this thread is busy.
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  },
};

if (import.meta.main && !("WorkerGlobalScope" in globalThis)) {
  openLazily();
  const run = (signal: AbortSignal) =>
    runCli(Deno.args, {
      io,
      signal,
      // A getter, because Deno.uid needs a permission: it is read only if it decides where the store is.
      get isRoot() {
        return Deno.uid() === 0;
      },
    });
  Deno.exit(await withSignals(run));
}
