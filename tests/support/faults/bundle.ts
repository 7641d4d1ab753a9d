/** The program as it is installed: it starts in a third of the time. */
import { bundledProgram } from "../cli/cli.ts";
import { bundle } from "../compile/self_extracting.ts";

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
 * @returns the command line that runs it
 */
export async function bundleProgram(
  directory: string,
  { busyTimeout }: BundleOptions = {},
): Promise<string[]> {
  await bundle({ root: HERE, version: "" }, directory);
  if (busyTimeout !== undefined) await changeTimeout(`${directory}/lib/cli`, busyTimeout);
  return bundledProgram(`${directory}/lib/cli/main.js`);
}

async function changeTimeout(parts: string, busyTimeout: number): Promise<void> {
  let changed = 0;
  for await (const { name } of Deno.readDir(parts)) {
    const code = await Deno.readTextFile(`${parts}/${name}`);
    if (!BUSY_TIMEOUT.test(code)) continue;
    await Deno.writeTextFile(
      `${parts}/${name}`,
      code.replace(BUSY_TIMEOUT, `BUSY_TIMEOUT = ${busyTimeout};`),
    );
    changed++;
  }
  if (changed !== 1) throw new Error("Cannot change how long the program waits");
}
