/** A containerd for a test alone, in a directory of its own. */
import { runAny } from "../machine/process.ts";
import { DEADLINE, waitUntil } from "../machine/wait.ts";

/** A running daemon. */
export interface Containerd extends AsyncDisposable {
  /** The command line of `ctr` up to the verb. */
  readonly ctr: readonly string[];
  /** Its process id. */
  readonly pid: number;
  /** Path of the file with what it logs. */
  readonly log: string;
  /** Sends a signal and waits for the end. Its containers go on. */
  end(signal: Deno.Signal): Promise<void>;
  /** Starts it again after its end, and waits until it answers. */
  start(): Promise<void>;
}

/** The plug-in that Kubernetes calls. Few tests need it, and it takes its time at the start. */
const CRI = "io.containerd.grpc.v1.cri";

/**
 * Starts containerd in a directory and waits until it answers. Root only.
 *
 * Its native and overlay snapshotters need a real file system there.
 *
 * @param more what its configuration has beside the places
 * @param env variables of its environment
 * @param disabled plug-ins that it does not load
 * @param starter a command line that becomes the one which it is followed by
 */
export async function startContainerd(
  directory: string,
  more = "",
  env: Readonly<Record<string, string>> = {},
  disabled: readonly string[] = [CRI],
  starter: readonly string[] = [],
): Promise<Containerd> {
  const socket = `${directory}/c.sock`;
  const config = `${directory}/c.toml`;
  await Deno.writeTextFile(
    config,
    `version = 2
root = ${JSON.stringify(`${directory}/c-root`)}
state = ${JSON.stringify(`${directory}/c-state`)}
disabled_plugins = ${JSON.stringify(disabled)}
[grpc]
  address = ${JSON.stringify(socket)}
[ttrpc]
  address = ${JSON.stringify(`${socket}.ttrpc`)}
${more}`,
  );
  const log = `${directory}/c.log`;
  // The shell and the starter become containerd: the process stays the same.
  const script = 'log=$1; shift; exec "$@" 2>>"$log"';
  const spawn = () =>
    new Deno.Command("sh", {
      args: ["-c", script, "sh", log, ...starter, "containerd", "-c", config],
      env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  let daemon = spawn();
  const end = async (signal: Deno.Signal) => {
    try {
      daemon.kill(signal);
    } catch {
      // It has ended already.
    }
    await daemon.status;
  };
  const stop = () => end("SIGTERM");
  // runc keeps its containers by namespace and name, whichever containerd they are of.
  const namespace = `test-${crypto.randomUUID()}`;
  const ctr = ["ctr", "-a", socket, "-n", namespace];
  try {
    await answer(ctr);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ctr,
    get pid() {
      return daemon.pid;
    },
    log,
    end,
    async start() {
      daemon = spawn();
      await answer(ctr);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** `ctr` itself waits for the socket, but not for the moment until somebody listens there. */
async function answer(ctr: readonly string[]): Promise<void> {
  const version = [...ctr, "--connect-timeout", `${DEADLINE / 1000}s`, "version"];
  await waitUntil("containerd", async () => {
    const { code, stderr } = await runAny(version);
    if (code === 0) return true;
    if (!stderr.includes("connection refused")) throw new Error(`Cannot ask containerd: ${stderr}`);
    return false;
  });
}
