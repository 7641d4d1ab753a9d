/** The command as its users call it: a process of its own on a store of its own. */
import { run, runAny, type RunOptions, type RunResult } from "../machine/process.ts";

/** The program. */
export const MAIN: string = new URL("../../../lib/cli/main.ts", import.meta.url).pathname;

/** Where Deno keeps modules: a test that gives the command another home must not have them fetched again. */
const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;

/** The program as it is run from its sources. */
const PROGRAM: readonly string[] = [Deno.execPath(), "run", "-A", "--no-check", MAIN];

/** A store and the command on it. */
export class Cli {
  readonly #root: string;
  readonly #options: RunOptions;
  readonly #program: readonly string[];

  /** `root` is the root of the store, `program` what a call begins with. */
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

  /** The environment of a call, besides that of the tests. */
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
