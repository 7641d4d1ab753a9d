/**
 * A program that does the bare work: `bare_main.ts INFLATER DIRECTORY WORKERS LAYER…` gives the layers to
 * the workers as they become free; the directory `-` writes nothing.
 */
import type { BareWork } from "./bare_work.ts";

/** Does the bare work on layers, in workers; to files in a directory, or nowhere. */
export async function bareInWorkers(
  layers: readonly string[],
  directory: string | null,
  inflater: "zlib" | "isal",
  workers: number,
): Promise<void> {
  const left = layers.map((source, i): BareWork => ({
    source,
    target: directory === null ? null : `${directory}/${i}`,
    inflater,
  }));
  await Promise.all(Array.from({ length: Math.min(workers, layers.length) }, async () => {
    const worker = new Worker(new URL("./bare_worker.ts", import.meta.url), { type: "module" });
    for (let work = left.shift(); work !== undefined; work = left.shift()) {
      await new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage(work);
      });
    }
    worker.terminate();
  }));
}

if (import.meta.main && !("WorkerGlobalScope" in globalThis)) {
  const [inflater = "zlib", directory = "-", workers = "2", ...layers] = Deno.args;
  await bareInWorkers(
    layers,
    directory === "-" ? null : directory,
    inflater as "zlib" | "isal",
    Number(workers),
  );
}
