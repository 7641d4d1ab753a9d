/** A containerd for a test alone, with `varve serve` as its snapshotter and differ. */
import { Cli } from "../cli/cli.ts";
import { served } from "../containerd/served.ts";
import { socketUnit } from "../containerd/socket_unit.ts";
import type { Ended } from "../cli/serving.ts";
import { runAny, type RunResult } from "../machine/process.ts";
import { type Containerd, startContainerd } from "./containerd.ts";

/** How the two are set up. */
export interface ServedOptions {
  /** Options of `serve` beside its sockets. */
  readonly args?: readonly string[] | undefined;
  /** Variables of containerd's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What containerd's configuration has beside what varve prints; Kubernetes can call it then. */
  readonly cri?: string | undefined;
  /** Changes what varve prints as containerd's configuration. */
  readonly edit?: ((printed: string) => string) | undefined;
  /** A command line that starts varve, which it is followed by. It must become it. */
  readonly starter?: readonly string[] | undefined;
  /** Where the store is, in place of a directory beside containerd's. */
  readonly root?: string | undefined;
  /** A command line that starts containerd, which it is followed by. It must become it, with the same process id. */
  readonly containerdStarter?: readonly string[] | undefined;
  /** Whether varve inherits its socket, as from systemd; else it makes it itself. */
  readonly inherited?: boolean | undefined;
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
  any(args: readonly string[], timeout?: number): Promise<RunResult>;
  /** Runs `ctr` with a verb that must succeed; gives what it wrote. */
  text(args: readonly string[]): Promise<string>;
  /** Ends varve by SIGKILL, and starts it again. */
  restart(): Promise<void>;
  /** Sends varve a signal, and waits for its end. */
  end(signal: Deno.Signal): Promise<Ended>;
  /** Starts varve again after its end, perhaps by another starter, and waits until it answers. */
  start(starter?: readonly string[]): Promise<void>;
  /** The running varve. */
  readonly pid: number;
  /** Where its metrics are, or null. */
  readonly metrics: string | null;
  /** The running containerd. */
  readonly containerd: Containerd;
}

/** Milliseconds for one command: an import reads and makes all layers of an image. */
const TIMEOUT = 180_000;

/**
 * Starts both in a directory, which must be on a disk's file system. containerd has the configuration that varve prints.
 * Root only.
 */
export async function serveContainerdIn(
  directory: string,
  options: ServedOptions = {},
): Promise<ServedContainerd> {
  const { args = [], env, cri, inherited = false, containerdStarter } = options;
  const { root = `${directory}/store`, starter, edit = (printed: string) => printed } = options;
  await using stack = new AsyncDisposableStack();
  const varve = new Cli(root);
  const sockets = ["--socket", `${directory}/varve.sock`, "--containerd", `${directory}/c.sock`];
  const unit = inherited ? stack.use(await socketUnit(`${directory}/varve.sock`)) : undefined;
  const start = (by = starter) =>
    unit === undefined
      ? served(root, { args: [...sockets, ...args], starter: by })
      : served(root, { args: [...sockets.slice(2), ...args], starter: unit.starter });
  let daemon = await start();
  stack.defer(() => daemon[Symbol.asyncDispose]());
  const config = await varve.text(["serve", ...sockets, "--print-config", "1.7"]);
  const more = `${edit(config).replace(/^version = \d+$/m, "")}${cri ?? ""}`;
  const containerd = stack.use(
    await startContainerd(
      ...[directory, more, env, cri === undefined ? undefined : [], containerdStarter] as const,
    ),
  );
  const { ctr } = containerd;
  const owned = stack.move();
  const any = (args: readonly string[], timeout = TIMEOUT) =>
    runAny([...ctr, ...args], { timeout });
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
    end: (signal) => daemon.end(signal),
    async start(starter) {
      daemon = await start(starter);
    },
    get pid() {
      return daemon.pid;
    },
    get metrics() {
      return daemon.metrics;
    },
    containerd,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
