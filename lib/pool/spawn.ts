import type { WorkerEntry } from "./contract.ts";

/**
 * Starts a worker thread with one of the package's entries.
 *
 * The only place that names worker files. The addresses are literals relative
 * to this file, and a bundle that stands two folders deep resolves them alike.
 */
export function spawnWorker(entry: WorkerEntry): Worker {
  return new Worker(urlOf(entry), { type: "module", name: `varve-${entry}` });
}

function urlOf(entry: WorkerEntry): URL {
  switch (entry) {
    case "layer":
      return new URL("../../workers/layer.ts", import.meta.url);
    case "extract":
      return new URL("../../workers/extract.ts", import.meta.url);
  }
}
