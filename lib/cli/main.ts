/**
 * The command `varve`. The only file that reads the process's arguments,
 * environment and signals, and the only one that imports the worker entries, so
 * that they are in the module graph of a compiled program.
 *
 * @module
 */
import "../../workers/extract.ts";
import "../../workers/layer.ts";
import type { Io } from "./context.ts";
import { runCli } from "./run.ts";

/** A second signal does not wait for an orderly end. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => {
      if (controller.signal.aborted) Deno.exit(130);
      controller.abort(new DOMException(`Interrupted by ${name}`, "AbortError"));
    });
  }
  return controller.signal;
}

const io: Io = {
  env: (name) => Deno.env.get(name),
  async stdout(data) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  },
  stderr(text) {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  },
  stdin: () => Deno.stdin.readable,
  isTerminal: (stream) => Deno[stream].isTerminal(),
};

if (import.meta.main && !("WorkerGlobalScope" in globalThis)) {
  const signal = abortOnSignals();
  const code = await runCli(Deno.args, { io, signal, isRoot: Deno.uid() === 0 });
  Deno.exit(code);
}
