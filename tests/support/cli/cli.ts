/** The command as users call it: as a process, on a store of its own. */
import { START } from "../compile/start_flags.ts";
import { run, runAny, type RunOptions, type RunResult } from "../machine/process.ts";

/** Path of the program's entry. */
export const MAIN: string = new URL("../../../lib/cli/main.ts", import.meta.url).pathname;

/** Where Deno keeps modules: a test that gives the command another home must not fetch them again. */
const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;

/** The main module of the bundled program: it starts in less than half of the time. */
const BUNDLE = Deno.env.get("VARVE_TEST_PROGRAM");

/** The command line that runs the program: its bundle where there is one, else its sources. */
export const PROGRAM: readonly string[] = BUNDLE === undefined
  ? [Deno.execPath(), "run", "-A", "--no-check", MAIN]
  : bundledProgram(BUNDLE);

/** The command line that runs a bundled program, by the path of its main module. */
export function bundledProgram(main: string): string[] {
  return [Deno.execPath(), ...START, main];
}

/** Makes a command on the store at `root`. */
export type Program = (root: string, options?: RunOptions) => Cli;

/** A store and the command on it. */
export class Cli {
  readonly #root: string;
  readonly #options: RunOptions;
  readonly #program: readonly string[];

  /** `root` is the root of the store, `program` the command line up to the verb. */
  constructor(root: string, options: RunOptions = {}, program: readonly string[] = PROGRAM) {
    this.#root = root;
    this.#options = options;
    this.#program = program;
  }

  /** The whole command line of a call. */
  command(args: readonly string[]): string[] {
    return [...this.#program, ...args];
  }

  /** Runs a verb, whatever its exit code. */
  any(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return runAny(this.command(args), this.#with(options));
  }

  /** Runs a verb that must succeed; gives what it wrote. */
  async text(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return (await run(this.command(args), this.#with(options))).stdout;
  }

  /** Runs a verb that must succeed; gives its JSON document. */
  // deno-lint-ignore no-explicit-any
  async json(args: readonly string[], options: RunOptions = {}): Promise<any> {
    return JSON.parse(await this.text([...args, "--format", "json"], options));
  }

  /** The variables that a call has besides those of the tests. */
  get env(): Readonly<Record<string, string>> {
    return {
      VARVE_ROOT: this.#root,
      VARVE_DURABILITY: "none",
      NO_COLOR: "1",
      DENO_DIR,
      ...this.#options.env,
    };
  }

  #with(options: RunOptions): RunOptions {
    const env = { ...this.env, ...options.env };
    return { ...this.#options, ...options, env };
  }
}
