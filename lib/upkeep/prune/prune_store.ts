import { gcKnowledge } from "../../snapshot/internal.ts";
import { VarveError } from "../../errors.ts";
import { createSnapshotter } from "../../snapshot/mod.ts";
import { requireDisk } from "../../store/internal.ts";
import type {
  DiskStore,
  Garbage,
  GcOptions,
  GcReport,
  ImageRecord,
  Store,
  Thing,
} from "../../store/mod.ts";
import { snapshotBytes } from "../disk_usage/snapshot_bytes.ts";
import type { PruneFilter } from "./filter.ts";
import { endedContainers, filterImages, unusedImages } from "./unused.ts";

/** What a prune removes. Without any of the three, only garbage. */
export interface PruneOptions extends PruneFilter {
  /**
   * Images that no container, mount or lease uses: those without a name, or all. An image that a snapshot was made for
   * is in use.
   */
  readonly images?: "nameless" | "all" | undefined;
  /** Whether to remove containers that have ended. Their files are lost. Default: false. */
  readonly containers?: boolean | undefined;
  /**
   * Whether to remove composed images, extracted directories and kept parts of downloads that are not in use. Filters
   * by labels let none of them through. Default: false.
   */
  readonly caches?: boolean | undefined;
  /** Finds what would be removed, and removes nothing. */
  readonly dryRun?: boolean | undefined;
  /** Longest time in ms to wait for another process that collects garbage. Default: 0. */
  readonly wait?: number | undefined;
  /** Ends the prune. What was removed until then stays removed. */
  readonly signal?: AbortSignal | undefined;
}

/** A container that was removed. */
export interface PrunedContainer {
  /** Key of its snapshot. */
  readonly key: string;
  /** Bytes on the disk of its files. */
  readonly bytes: number;
}

/** Result of {@linkcode pruneStore}. With `dryRun`, what would be removed. */
export interface PruneReport {
  /** Names of the images that were removed. */
  readonly images: readonly string[];
  /** Containers that were removed. */
  readonly containers: readonly PrunedContainer[];
  /** What was removed because nothing needed it any more. */
  readonly removed: readonly Garbage[];
  /** Bytes on the disk that were freed in all. */
  readonly bytes: number;
  /** What would have been removed, but is in use. */
  readonly deferred: readonly Garbage[];
  /** As {@linkcode GcReport.unreadable}. */
  readonly unreadable: GcReport["unreadable"];
}

/**
 * Removes what nobody uses from a store: images, containers that have ended, caches, and then everything that nothing
 * needs any more. Other processes may use the store meanwhile: what they began to use stays.
 *
 * @throws {VarveError} `E_UNSUPPORTED` the store has no directories · `E_BUSY` another process collects garbage ·
 * `E_SYSCALL`
 *
 * @example
 * ```ts
 * import { openStore, pruneStore } from "@varve/varve";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root });
 *   const { bytes } = await pruneStore(store, { images: "all", containers: true, caches: true });
 *   if (bytes !== 0) throw new Error("there was something");
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function pruneStore(store: Store, options: PruneOptions): Promise<PruneReport> {
  const disk = requireDisk(store, "prune the store");
  options.signal?.throwIfAborted();
  const containers = options.containers ? await measured(disk, options) : [];
  const pruned = options.dryRun
    ? containers
    : await removeContainers(disk, containers, options.signal);
  const keys = new Set(pruned.map(({ key }) => key));
  const images = options.images === undefined
    ? []
    : await filterImages(disk, unusedImages(disk, options.images, keys), options);
  const names = options.dryRun
    ? images.map(({ name }) => name)
    : removeImages(disk, images, options);
  const report = await disk.collector.collect(gcKnowledge(disk), {
    ...gcOptions(options),
    without: new Set<Thing>([
      ...[...keys].map((key): Thing => `snapshot:${key}`),
      ...names.map((name): Thing => `image:${name}`),
    ]),
  });
  const own = pruned.reduce((sum, { bytes }) => sum + bytes, 0);
  const { removed, deferred, unreadable } = report;
  return {
    images: names,
    containers: pruned,
    removed,
    bytes: own + report.bytes,
    deferred,
    unreadable,
  };
}

function gcOptions({ caches, until, labels, dryRun, wait, signal }: PruneOptions): GcOptions {
  const bounds = caches && (labels?.length ?? 0) === 0
    ? { size: 0, parts: 0, before: until }
    : undefined;
  return { bounds, dryRun, wait, signal };
}

async function measured(store: DiskStore, filter: PruneOptions): Promise<PrunedContainer[]> {
  const containers: PrunedContainer[] = [];
  for (const { key } of await endedContainers(store, filter)) {
    const cacheId = store.snapshots.read((table) => table.get(key))?.cacheId ?? null;
    const bytes = cacheId === null ? 0 : await snapshotBytes(store, cacheId, filter.signal);
    containers.push({ key, bytes });
  }
  return containers;
}

/** Removes containers. One that was started or mounted meanwhile stays. */
async function removeContainers(
  store: DiskStore,
  containers: readonly PrunedContainer[],
  signal: AbortSignal | undefined,
): Promise<PrunedContainer[]> {
  const snapshotter = createSnapshotter(store);
  const removed: PrunedContainer[] = [];
  for (const container of containers) {
    signal?.throwIfAborted();
    try {
      await snapshotter.remove(container.key);
      removed.push(container);
    } catch (error) {
      const isUsed = error instanceof VarveError && /^E_(?:BUSY|NOT_FOUND)$/.test(error.code);
      if (!isUsed) throw error;
    }
  }
  return removed;
}

/** Removes the names of images. One that somebody began to use meanwhile stays. */
function removeImages(
  store: DiskStore,
  images: readonly ImageRecord[],
  options: PruneOptions,
): string[] {
  const chosen = new Map(images.map(({ name, target }) => [name, target.digest]));
  const unused = unusedImages(store, options.images ?? "nameless");
  const names = unused.filter(({ name, target }) => chosen.get(name) === target.digest);
  return store.images.removeAll(names.map(({ name }) => name));
}
