import { requireDisk } from "../store/internal.ts";
import type { GcOptions, GcReport, Store } from "../store/mod.ts";
import { gcKnowledge } from "./gc_knowledge.ts";

/**
 * Removes everything from a store that no image name, snapshot, live lease or running load, pull or commit needs, and
 * tells what it was. Caches of what is kept are removed only beyond the bounds of the settings `cache.size` and
 * `cache.parts`. What a mount uses is deferred to a later collection.
 *
 * Other processes may use the store meanwhile. What became needed since the search began stays. Killing the process at
 * any moment loses nothing: the next start or collection goes on.
 *
 * @throws {VarveError} `E_UNSUPPORTED` the store has no directories · `E_BUSY` another process collects · `E_SYSCALL`
 *
 * @example
 * ```ts
 * import { collectGarbage, openStore } from "@varve/varve";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root });
 *   const { bytes } = await collectGarbage(store, { dryRun: true });
 *   if (bytes !== 0) throw new Error("a new store has no garbage");
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function collectGarbage(store: Store, options: GcOptions = {}): Promise<GcReport> {
  const disk = requireDisk(store, "collect garbage");
  return await disk.collector.collect(gcKnowledge(disk), options);
}
