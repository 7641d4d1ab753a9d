/** `varve registry serve` as users run it: as a process, on a store of its own. */
import { Cli } from "../cli/cli.ts";
import { type Serving, startServing } from "../cli/serving.ts";

/** A running registry. */
export interface ServedStore extends Serving {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `127.0.0.1:PORT`, for image names. */
  readonly host: string;
  readonly port: number;
}

/** Starts it on a free port over the store at `root`, without a log; `args` are more arguments of the verb. */
export async function servedStore(
  root: string,
  { args = [], env = {} }: {
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<ServedStore> {
  const cli = new Cli(root, { env });
  const listen = ["--listen", "127.0.0.1:0", "--format", "json"];
  const log = args.includes("--log") ? [] : ["--log", "none"];
  const command = cli.command(["registry", "serve", ...listen, ...log, ...args]);
  const serving = await startServing("varve registry serve", cli, command);
  const { url, port } = serving.said as Pick<ServedStore, "url" | "port">;
  return { ...serving, url, host: `127.0.0.1:${port}`, port };
}
