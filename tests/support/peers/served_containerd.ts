/** A containerd for a test alone, with `varve serve` as its snapshotter and differ. */
import { Cli } from "../cli/cli.ts";
import { served } from "../containerd/served.ts";
import { runAny, type RunResult } from "../machine/process.ts";
import { startContainerd } from "./containerd.ts";

/** How the two are set up. */
export interface ServedOptions {
  /** Options of `serve` beside its sockets. */
  readonly args?: readonly string[] | undefined;
  /** Variables of containerd's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What containerd's configuration has beside what varve prints; Kubernetes can call it then. */
  readonly cri?: string | undefined;
}

/** containerd and varve as its snapshotter. */
export interface ServedContainerd extends AsyncDisposable {
  /** The command line of `ctr` up to the verb. */
  readonly ctr: readonly string[];
  /** The command on the store that varve serves. */
  readonly varve: Cli;
  /** Root of that store. */
  readonly root: string;
  /** Runs `ctr` with a verb, whatever its exit code. */
  any(args: readonly string[]): Promise<RunResult>;
  /** Runs `ctr` with a verb that must succeed; gives what it wrote. */
  text(args: readonly string[]): Promise<string>;
  /** Ends varve by SIGKILL, and starts it again. */
  restart(): Promise<void>;
}

/** Milliseconds for one command: an import reads and makes all layers of an image. */
const TIMEOUT = 180_000;

/**
 * Starts both in a directory, which must be on a disk's file system. containerd has the configuration that varve prints.
 * Root only.
 */
export async function serveContainerdIn(
  directory: string,
  { args = [], env, cri }: ServedOptions = {},
): Promise<ServedContainerd> {
  await using stack = new AsyncDisposableStack();
  const root = `${directory}/store`;
  const varve = new Cli(root);
  const sockets = ["--socket", `${directory}/varve.sock`, "--containerd", `${directory}/c.sock`];
  const start = () => served(root, { args: [...sockets, ...args] });
  let daemon = await start();
  stack.defer(() => daemon[Symbol.asyncDispose]());
  const config = await varve.text(["serve", ...sockets, "--print-config", "1.7"]);
  const more = `${config.replace(/^version = \d+$/m, "")}${cri ?? ""}`;
  const { ctr } = stack.use(
    await startContainerd(directory, more, env, cri === undefined ? undefined : []),
  );
  const owned = stack.move();
  const any = (args: readonly string[]) => runAny([...ctr, ...args], { timeout: TIMEOUT });
  return {
    ctr,
    varve,
    root,
    any,
    async text(args) {
      const { code, stdout, stderr } = await any(args);
      if (code === 0) return stdout;
      throw new Error(`Cannot run ctr ${args.join(" ")}: ${stderr}`);
    },
    async restart() {
      await daemon.end("SIGKILL");
      daemon = await start();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
