import { Terminal } from "../machine/terminal.ts";
import type { Cli } from "./cli.ts";

/**
 * Opens a terminal in which `varve` runs the command on a store.
 *
 * @param socket path for the socket of the terminal, in a directory that exists
 * @param term value of `TERM`
 */
export async function varveTerminal(
  cli: Cli,
  socket: string,
  columns: number,
  term?: string,
): Promise<Terminal> {
  const { NO_COLOR: _, ...env } = cli.env;
  const terminal = await Terminal.open(socket, {
    columns,
    rows: 50,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "", ...env },
    ...(term === undefined ? {} : { term }),
  });
  // Quiet, so that Deno itself draws nothing.
  const words = cli.command([]).map((word) => word === "-A" ? "-A --quiet" : word);
  await terminal.shell(`varve() { ${words.join(" ")} "$@"; }`);
  return terminal;
}
