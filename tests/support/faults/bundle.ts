/** The program as one file for each of its threads: it starts in a third of the time. */
import { MAIN } from "../cli/cli.ts";
import { run } from "../machine/process.ts";

/** The root of the repository. */
const HERE = new URL("../../../", import.meta.url).pathname;

/** How long the program waits for another process's lock of the database: a constant of `lib/store/disk/database`. */
const BUSY_TIMEOUT = /\bBUSY_TIMEOUT = 1e4;/;

/** Options of {@linkcode bundleProgram}. */
export interface BundleOptions {
  /** Milliseconds for which it waits for another process's lock of the database; its own time by default. */
  readonly busyTimeout?: number | undefined;
}

/**
 * Bundles the program into a directory.
 *
 * @returns path of the bundle of the main thread
 */
export async function bundleProgram(
  directory: string,
  { busyTimeout }: BundleOptions = {},
): Promise<string> {
  // The program finds its workers two folders above itself.
  const main = MAIN.slice(HERE.length);
  const workers = (await Array.fromAsync(Deno.readDir(`${HERE}workers`)))
    .map(({ name }) => `workers/${name}`);
  for (const path of [main, ...workers]) {
    const target = `${directory}/${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    // The lock file is not in use: several may bundle at once.
    const options = ["--quiet", "--no-check", "--no-lock", "-o", target];
    await run([Deno.execPath(), "bundle", ...options, path], { cwd: HERE });
  }
  const program = `${directory}/${main}`;
  if (busyTimeout !== undefined) {
    const code = await Deno.readTextFile(program);
    if (!BUSY_TIMEOUT.test(code)) throw new Error("Cannot change how long the program waits");
    await Deno.writeTextFile(
      program,
      code.replace(BUSY_TIMEOUT, `BUSY_TIMEOUT = ${busyTimeout};`),
    );
  }
  return program;
}

/** Lets the commands of this process start the workers that {@linkcode bundleProgram} made in a directory. */
export function useBundledWorkers(directory: string): void {
  const Plain = globalThis.Worker;
  globalThis.Worker = class extends Plain {
    constructor(url: string | URL, options?: WorkerOptions) {
      const name = String(url).slice(String(url).lastIndexOf("/") + 1);
      super(new URL(`file://${directory}/workers/${name}`), options);
    }
  };
}
