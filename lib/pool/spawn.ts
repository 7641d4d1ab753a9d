import { requirePermissions } from "../linux/mod.ts";
import type { WorkerEntry } from "./contract.ts";

/**
 * The worker entries as literal imports. These functions are never called. They put the entries into the module graph
 * of every program that may start a worker: so `deno cache`, `deno install` and `deno compile` find them.
 */
const ENTRIES: Readonly<Record<WorkerEntry, () => Promise<unknown>>> = {
  extract: () => import("../../workers/extract.ts"),
  layer: () => import("../../workers/layer.ts"),
};
void ENTRIES;

/**
 * Starts a worker thread with one of the package's worker files.
 *
 * No other file names the worker files. Their URLs are literals relative to this file. In a bundle,
 * the URLs work if the bundle lies two folders below the folder that holds `workers/`.
 *
 * @throws {VarveError} `E_DENIED` the files are on this machine, and Deno may not read them
 */
export function spawnWorker(entry: WorkerEntry): Worker {
  const url = urlOf(entry);
  // A worker reads its local modules itself, and needs permission for that. If the permission is missing, Deno
  // prints the error and does not throw it, so check the permission first. Modules of a compiled program and
  // modules from the network need no permission, because they are in the module graph.
  if (url.protocol === "file:" && !Deno.build.standalone) {
    const path = decodeURIComponent(new URL("../../", import.meta.url).pathname);
    requirePermissions("start a worker", [{ name: "read", path: path.replace(/\/$/, "") }]);
  }
  return new Worker(url, { type: "module", name: `varve-${entry}` });
}

function urlOf(entry: WorkerEntry): URL {
  switch (entry) {
    case "layer":
      return new URL("../../workers/layer.ts", import.meta.url);
    case "extract":
      return new URL("../../workers/extract.ts", import.meta.url);
  }
}
