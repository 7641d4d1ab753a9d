import { VarveError } from "../../../errors.ts";
import type { Context } from "../../context.ts";

/** Largest number of characters in an answer. */
const MAX_ANSWER = 64 * 1024;

/**
 * Asks the user for the user name, unless it is given, and for the password, which is not shown.
 *
 * @throws {VarveError} `E_USAGE` when standard input is not a terminal
 */
export async function askLogin(
  context: Context,
  registry: string,
  username: string | undefined,
): Promise<{ readonly username: string; readonly password: string }> {
  const { io } = context;
  if (!io.isTerminal("stdin") || io.hideInput === undefined) {
    throw new VarveError(
      "E_USAGE",
      "Cannot ask for the password: standard input is not a terminal",
      {
        hint: "give --username NAME and --password-stdin",
      },
    );
  }
  const lines = new Lines(io.stdin().getReader(), context.signal);
  if (username === undefined) io.stderr(`User name at ${registry}: `);
  const name = username ?? await lines.next();
  {
    using _hidden = io.hideInput();
    io.stderr(`Password of ${name} at ${registry}: `);
    try {
      return { username: name, password: await lines.next() };
    } finally {
      io.stderr("\n");
    }
  }
}

/** Reads lines from a terminal. Handles backspace and Ctrl-U, because a terminal that hides its input does not. */
class Lines {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #decoder = new TextDecoder();
  /** Characters that were read after the last line. */
  #rest: string[] = [];

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal) {
    this.#reader = reader;
    this.#signal = signal;
  }

  /** Reads the next line. If the input ends without a newline, returns the characters read so far. */
  async next(): Promise<string> {
    const line: string[] = [];
    for (;;) {
      for (let char = this.#rest.shift(); char !== undefined; char = this.#rest.shift()) {
        if (char === "\n" || char === "\r" || char === END) return line.join("");
        if (ERASE.includes(char)) line.pop();
        else if (char === KILL) line.length = 0;
        else line.push(char);
        if (line.length > MAX_ANSWER) {
          throw new VarveError("E_LIMIT", `Cannot read an answer: it is longer than ${MAX_ANSWER}`);
        }
      }
      const { done, value } = await this.#read();
      if (done) return line.join("");
      this.#rest = [...this.#decoder.decode(value, { stream: true })];
    }
  }

  async #read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    const { promise, reject } = Promise.withResolvers<never>();
    const cancel = () => reject(this.#signal.reason);
    this.#signal.throwIfAborted();
    this.#signal.addEventListener("abort", cancel, { once: true });
    try {
      return await Promise.race([this.#reader.read(), promise]);
    } finally {
      this.#signal.removeEventListener("abort", cancel);
    }
  }
}

/** What terminals send for Ctrl-D, backspace and Ctrl-U. */
const END = "\x04";
const ERASE = ["\x7f", "\b"];
const KILL = "\x15";
