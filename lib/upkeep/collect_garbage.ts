import { gcKnowledge } from "../snapshot/internal.ts";
import { requireDisk } from "../store/internal.ts";
import type { DiskStore, GcOptions, GcReport, Store } from "../store/mod.ts";
import { dropCompressed, type DroppedImage, planDrop } from "./drop_compressed.ts";
import { removeRemains } from "./remains.ts";

/** Options of {@linkcode collectGarbage}. */
export interface CollectOptions extends GcOptions {
  /**
   * Whether images give up the compressed blobs of their layers. They then name the uncompressed layers, which the store
   * has anyway. A push of such an image sends another manifest, with another digest. A dry run tells which images and
   * blobs that are. Default: false.
   */
  readonly dropCompressed?: boolean | undefined;
}

/** Result of {@linkcode collectGarbage}. */
export interface CollectReport extends GcReport {
  /** The images that gave up their compressed blobs. */
  readonly dropped: readonly DroppedImage[];
}

/**
 * Removes everything from a store that no image name, snapshot, live lease or running load, pull or commit needs, and
 * tells what it was. Caches of what is kept are removed only beyond the bounds of the settings `cache.size` and
 * `cache.parts`. What a mount uses is deferred to a later collection.
 *
 * Before, it ends what mounts and runs left that were killed or ended by a reboot: leases, views, snapshots of runs with
 * `remove`, and lowers that no snapshot needs.
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
export async function collectGarbage(
  store: Store,
  options: CollectOptions = {},
): Promise<CollectReport> {
  const { dropCompressed: drops = false, dryRun = false, signal } = options;
  const disk = requireDisk(store, "collect garbage");
  if (!dryRun) await removeRemains(disk);
  if (drops && dryRun) return await dryDrop(disk, options);
  const dropped = drops ? await dropCompressed(disk, signal) : [];
  const reached = drops ? undefined : options.reached;
  return { ...await disk.collector.collect(gcKnowledge(disk), { ...options, reached }), dropped };
}

/** What a collection would remove after images gave up their compressed blobs. */
async function dryDrop(disk: DiskStore, options: CollectOptions): Promise<CollectReport> {
  const { dropped, given, without } = await planDrop(disk, options.signal);
  const knowledge = gcKnowledge(disk);
  const report = await disk.collector.collect(knowledge, options);
  const known = new Set(report.removed.map(({ name }) => name));
  // The rest of the images stays: only what they give up is taken from the plan without them.
  const { removed } = await disk.collector.collect(knowledge, { ...options, without });
  const more = removed.filter(({ kind, name }) =>
    kind === "blob" && given.has(name) && !known.has(name)
  );
  const bytes = more.reduce((sum, one) => sum + one.bytes, report.bytes);
  return { ...report, removed: [...report.removed, ...more], bytes, dropped };
}
