import type { WorkerEntry } from "./contract.ts";

/**
 * Starts a worker thread with one of the package's worker files.
 *
 * No other file names the worker files. Their URLs are literals relative to this file. They also
 * work in a bundle that lies two folders deep.
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
