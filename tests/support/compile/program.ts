/** The program in the form that is installed: one file. */
import { Cli, type Program } from "../cli/cli.ts";
import { compileSelfExtracting } from "./self_extracting.ts";
import { run } from "../machine/process.ts";

/** Compiles the program into a directory, and starts it once, for the first start unpacks it. */
export async function compileProgram(directory: string): Promise<Program> {
  const root = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");
  const { version } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  const file = `${directory}/varve`;
  await compileSelfExtracting({ root, version }, file, 1);
  const cache = { XDG_CACHE_HOME: `${directory}/cache` };
  await run([file, "version"], { env: cache });
  return (root, options = {}) =>
    new Cli(root, { ...options, env: { ...cache, ...options.env } }, [file]);
}
