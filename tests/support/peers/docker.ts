/** A Docker daemon for a test alone: with its own directories and socket, without network. */
import { run } from "../machine/process.ts";
import { tempDir } from "../machine/temp_dir.ts";

/** A running daemon. */
export interface Docker extends AsyncDisposable {
  /** The client's command line up to the verb. */
  readonly command: readonly string[];
}

/** Starts dockerd and waits until it answers. Root only. */
export async function startDocker(): Promise<Docker> {
  const temp = await tempDir("varve-docker-");
  const socket = `unix://${temp.join("sock")}`;
  const log = await Deno.open(temp.join("log"), { create: true, write: true });
  const daemon = new Deno.Command("dockerd", {
    args: [
      "--data-root",
      temp.join("root"),
      "--exec-root",
      temp.join("exec"),
      "--pidfile",
      temp.join("pid"),
      "-H",
      socket,
      "--iptables=false",
      "--ip6tables=false",
      "--bridge=none",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ready = Promise.withResolvers<void>();
  const logged = (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of daemon.stderr) {
      text += decoder.decode(chunk, { stream: true });
      await log.write(chunk);
      if (text.includes("API listen on")) ready.resolve();
      text = text.slice(-200);
    }
    log.close();
    ready.reject(new Error("Cannot start dockerd: it ended"));
  })();
  ready.promise.catch(() => {});
  const stop = async () => {
    try {
      daemon.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await daemon.status;
    await logged;
    await temp[Symbol.asyncDispose]();
  };
  try {
    await ready.promise;
    await run(["docker", "-H", socket, "version"]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { command: ["docker", "-H", socket], [Symbol.asyncDispose]: stop };
}
