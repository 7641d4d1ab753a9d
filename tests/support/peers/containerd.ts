/** A containerd of one's own, in a directory of its own. */
import { run } from "../machine/process.ts";

/** How often a daemon that does not listen yet is asked. */
const TRIES = 10;

/** A running daemon. */
export interface Containerd extends AsyncDisposable {
  /** `ctr`, up to the verb. */
  readonly ctr: readonly string[];
}

/**
 * Starts containerd in a directory and waits until it answers. Root only.
 *
 * Its native and overlay snapshotters need a real file system there.
 */
export async function startContainerd(directory: string): Promise<Containerd> {
  const socket = `${directory}/c.sock`;
  const config = `${directory}/c.toml`;
  await Deno.writeTextFile(
    config,
    `version = 2
root = ${JSON.stringify(`${directory}/c-root`)}
state = ${JSON.stringify(`${directory}/c-state`)}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = ${JSON.stringify(socket)}
[ttrpc]
  address = ${JSON.stringify(`${socket}.ttrpc`)}
`,
  );
  const daemon = new Deno.Command("containerd", {
    args: ["-c", config],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async () => {
    try {
      daemon.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await daemon.status;
  };
  const ctr = ["ctr", "-a", socket];
  try {
    await answer(ctr);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ctr, [Symbol.asyncDispose]: stop };
}

/** `ctr` itself waits for the socket, but not for the moment until somebody listens there. */
async function answer(ctr: readonly string[]): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      await run([...ctr, "--connect-timeout", "20s", "version"], { timeout: 30_000 });
      return;
    } catch (error) {
      const early = error instanceof Error && error.message.includes("connection refused");
      if (!early || tries === TRIES) throw error;
    }
  }
}
