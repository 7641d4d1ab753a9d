/** A real terminal for tests: tmux, which can be read and typed into. */
import { run } from "./process.ts";
import { waitUntil } from "./wait.ts";

/** How a terminal is opened. */
export interface TerminalSettings {
  readonly columns: number;
  readonly rows: number;
  /** The whole environment of its shell, besides `TERM` and the prompt. */
  readonly env: Readonly<Record<string, string>>;
  /** Value of `TERM`; `screen` by default, which is what tmux is. */
  readonly term?: string;
}

/** The prompt of the shell. */
const PROMPT = "ready>";

/** A terminal with a shell in it. */
export class Terminal implements AsyncDisposable {
  readonly #socket: string;
  #marks = 0;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Opens a terminal. `socket` is a path for tmux' socket, in a directory that exists. */
  static async open(
    socket: string,
    { columns, rows, env, term = "screen" }: TerminalSettings,
  ): Promise<Terminal> {
    const terminal = new Terminal(socket);
    const size = ["-x", `${columns}`, "-y", `${rows}`];
    await terminal.tmux("new-session", "-d", ...size, "env", "-i", ...[
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      `TERM=${term}`,
      `PS1=${PROMPT} `,
      "sh",
    ]);
    await terminal.see(/ready>/);
    return terminal;
  }

  /** Runs a command of tmux, such as `send-keys C-c`, and returns what it printed. */
  async tmux(...args: string[]): Promise<string> {
    const { stdout } = await run(["tmux", "-S", this.#socket, "-f", "/dev/null", ...args]);
    return stdout;
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.tmux("send-keys", "-l", line);
    await this.tmux("send-keys", "Enter");
  }

  /** What is to be seen now. The lines are broken as on the screen. */
  async screen(): Promise<string> {
    return await this.tmux("capture-pane", "-p");
  }

  /** Waits until a pattern is to be seen. */
  async see(pattern: RegExp): Promise<string> {
    let screen = "";
    return await waitUntil(`${pattern}`, async () => {
      screen = await this.screen();
      return pattern.exec(screen)?.[0];
    }, { seen: () => screen });
  }

  /** Waits until a pattern is to be seen no more, such as after `clear`. */
  async gone(pattern: RegExp): Promise<void> {
    await waitUntil(`the end of ${pattern}`, async () => !pattern.test(await this.screen()));
  }

  /**
   * Runs lines of the shell to their end.
   *
   * @returns the exit code of the last one, and what was to be seen of them
   */
  async shell(lines: string): Promise<{ readonly code: number; readonly shown: string }> {
    // From a file: so the marks are to be seen only where the lines begin and end.
    const mark = ++this.#marks;
    const script = `${this.#socket}.sh`;
    await Deno.writeTextFile(script, `echo "<<${mark}"\n${lines}\nprintf '\\n%s>>${mark}\\n' $?\n`);
    await this.type(`. ${script}`);
    const pattern = new RegExp(`^<<${mark}\n([^]*)^([0-9]+)>>${mark}$`, "m");
    let screen = "";
    return await waitUntil(`the end of ${lines}`, async () => {
      // With what has scrolled away.
      screen = await this.tmux("capture-pane", "-p", "-S", "-");
      const match = pattern.exec(screen);
      return match !== null && { code: Number(match[2]), shown: match[1] as string };
    }, { seen: () => screen });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tmux("kill-server");
  }
}
