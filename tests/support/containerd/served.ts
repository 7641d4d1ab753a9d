/** `varve serve` as users run it: as a process, on a store of its own. */
import { Cli, type Program } from "../cli/cli.ts";
import { type Serving, startServing } from "../cli/serving.ts";

/** A running daemon. */
export interface Served extends Serving {
  /** Absolute path of its socket; null for an inherited one. */
  readonly socket: string | null;
  /** Where its metrics are, or null. */
  readonly metrics: string | null;
}

/** The program as its sources are. */
const fromSources: Program = (root, options) => new Cli(root, options);

/** How a daemon is started. */
export interface ServedOptions {
  /** More arguments of the verb. */
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** A command line that starts the one which it is followed by. */
  readonly starter?: readonly string[] | undefined;
  /** The program; the sources when absent. */
  readonly program?: Program | undefined;
}

/** Starts it over the store at `root`, and waits until it answers. */
export async function served(
  root: string,
  { args = [], env = {}, starter = [], program = fromSources }: ServedOptions = {},
): Promise<Served> {
  const cli = program(root, { env });
  const command = [...starter, ...cli.command(["serve", "--format", "json", ...args])];
  const serving = await startServing("varve serve", cli, command);
  const { socket, metrics } = serving.said as Pick<Served, "socket" | "metrics">;
  return { ...serving, socket, metrics };
}
