import { VarveError } from "../errors.ts";

/** The terminal of this process before the container used it. */
export interface SavedTerminal {
  /** Path of its device. */
  readonly path: string;
  /** Its settings, as `stty -g` prints them. */
  readonly settings: string;
  /** Its size in characters. */
  readonly size: { readonly columns: number; readonly rows: number };
}

/**
 * Saves the settings of the terminal, because a runtime that is killed leaves the terminal in raw mode.
 *
 * @throws {VarveError} `E_PRECONDITION` standard input or output is not a terminal
 */
export async function saveTerminal(): Promise<SavedTerminal> {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    throw new VarveError(
      "E_PRECONDITION",
      "Cannot give the container a terminal: standard input or output is not a terminal",
      { hint: "run it without a terminal" },
    );
  }
  return {
    path: await Deno.readLink("/proc/self/fd/0"),
    settings: (await stty(["-g"])).trim(),
    size: Deno.consoleSize(),
  };
}

/** Restores the saved settings of the terminal. */
export async function restoreTerminal({ settings }: SavedTerminal): Promise<void> {
  await stty([settings]);
}

async function stty(args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command("stty", {
    args: [...args],
    stdin: "inherit",
    stdout: "piped",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}
