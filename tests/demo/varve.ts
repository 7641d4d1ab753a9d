/** Runs the command line for the demo, and shows each call before it runs. */
// deno-lint-ignore-file no-console

const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;

/** The exit code and the output of a call. */
export interface Said {
  readonly code: number;
  readonly stdout: string;
}

/** Runs varve on the store at `root`. Progress and warnings go to the terminal. */
export async function varve(root: string, args: readonly string[], shown = true): Promise<Said> {
  if (shown) console.log(`\n$ varve ${args.join(" ")}`);
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "--root", root, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  return { code: output.code, stdout: new TextDecoder().decode(output.stdout) };
}

/**
 * Runs varve and prints its output, at most `lines` lines of it.
 *
 * @throws {Error} when varve fails; the message has the exit code
 */
export async function show(root: string, args: readonly string[], lines = 40): Promise<void> {
  const { code, stdout } = await varve(root, args);
  if (code !== 0) throw new Error(`Cannot go on: varve ${args[0]} ended with ${code}`);
  const all = stdout.trimEnd().split("\n");
  if (stdout !== "") console.log(all.slice(0, lines).join("\n"));
  if (all.length > lines) console.log(`… and ${all.length - lines} lines more`);
}

/**
 * Runs varve with `--format json` and returns the document that it prints.
 *
 * @throws {Error} when varve fails; the message has the exit code
 */
export async function ask<T>(root: string, args: readonly string[], shown = true): Promise<T> {
  const { code, stdout } = await varve(root, [...args, "--format", "json"], shown);
  if (code !== 0) throw new Error(`Cannot go on: varve ${args[0]} ended with ${code}`);
  return JSON.parse(stdout) as T;
}
