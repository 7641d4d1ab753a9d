import { gcKnowledge } from "../../snapshot/internal.ts";
import { listContainers } from "../../container/mod.ts";
import { countParts, plannedPaths, requireDisk } from "../../store/internal.ts";
import type { DiskStore, Store, Thing } from "../../store/mod.ts";
import { endedContainers, mountedKeys, unusedImages } from "../prune/unused.ts";
import type { DiskUsage, UsageRow, UsageType } from "./contract.ts";
import { detailsOf } from "./details.ts";
import { measure } from "./measure.ts";
import { type Unit, unitsOf } from "./units.ts";

/** Options of {@linkcode diskUsage}. */
export interface DiskUsageOptions {
  /** Whether to measure each image and each layer, too. Default: false. */
  readonly verbose?: boolean | undefined;
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined;
}

/** The types, in the order in which they are shown. */
const TYPES: readonly UsageType[] = [
  "images",
  "containers",
  "snapshots",
  "caches",
  "parts",
  "trash",
  "lost",
  "store",
];

/**
 * Measures what a store takes on the disk, and what of it can be freed. A file with several names counts once. The sum
 * is what `du` counts: the blocks of each inode, also of directories. It changes nothing.
 *
 * @throws {VarveError} `E_UNSUPPORTED` the store has no directories
 *
 * @example
 * ```ts
 * import { diskUsage, openStore } from "@varve/varve";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root });
 *   const { rows, reclaimable } = await diskUsage(store);
 *   if (rows[0]?.type !== "images" || reclaimable !== 0) throw new Error("a new store has no image");
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function diskUsage(store: Store, options: DiskUsageOptions = {}): Promise<DiskUsage> {
  const { verbose = false, signal } = options;
  const disk = requireDisk(store, "measure the store");
  signal?.throwIfAborted();
  const doomed = await doomedPaths(disk, signal);
  const units = unitsOf(disk);
  const measured = await measure(units, signal);
  const size = sums(), reclaimable = sums();
  const isDoomed = units.map(({ path }) =>
    doomed.has(path) || doomed.has(path.slice(0, path.lastIndexOf("/")))
  );
  for (const [at, { type }] of units.entries()) {
    size[type] += measured.own[at] ?? 0;
    if (isDoomed[at]) reclaimable[type] += measured.own[at] ?? 0;
  }
  for (const { bytes, nlink, names } of measured.shared.values()) {
    const [first = 0] = names.keys();
    const type = units[first]?.type ?? "store";
    size[type] += bytes;
    // A file is freed with its last name.
    let gone = 0;
    for (const [at, count] of names) if (isDoomed[at]) gone += count;
    if (gone === nlink) reclaimable[type] += bytes;
  }
  const counts = await countsOf(disk, units);
  const rows = TYPES.map((type): UsageRow => ({
    type,
    ...counts[type],
    size: size[type],
    reclaimable: reclaimable[type],
  }));
  const details = verbose ? detailsOf(disk, units, measured) : { images: [], layers: [] };
  return {
    rows,
    size: rows.reduce((sum, row) => sum + row.size, 0),
    reclaimable: rows.reduce((sum, row) => sum + row.reclaimable, 0),
    ...details,
  };
}

function sums(): Record<UsageType, number> {
  return Object.fromEntries(TYPES.map((type) => [type, 0])) as Record<UsageType, number>;
}

/** Absolute paths of everything that a prune of all ended containers, unused images and unused caches removes. */
async function doomedPaths(
  store: DiskStore,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const ended = new Set((await endedContainers(store)).map(({ key }) => key));
  const without = new Set<Thing>([
    ...[...ended].map((key): Thing => `snapshot:${key}`),
    ...unusedImages(store, "all", ended).map(({ name }): Thing => `image:${name}`),
  ]);
  const bounds = { size: 0, parts: 0 };
  const paths = new Set(await plannedPaths(store, gcKnowledge(store), { bounds, without, signal }));
  const rows = store.snapshots.read((table) => table.list());
  for (const { key, cacheId } of rows) {
    if (ended.has(key) && cacheId !== null) paths.add(store.directories.snapshot(cacheId));
  }
  return paths;
}

/** How many things of each type there are, and how many are in use. */
async function countsOf(
  store: DiskStore,
  units: readonly Unit[],
): Promise<Record<UsageType, { readonly total: number; readonly active: number }>> {
  const of = (type: UsageType) => units.filter((unit) => unit.type === type);
  const inUse = gcKnowledge(store).inUse?.() ?? (() => false);
  const caches = of("caches");
  const unused = new Set(unusedImages(store, "all").map(({ name }) => name));
  const images = store.images.list();
  const digests = (only: typeof images) => new Set(only.map(({ target }) => target.digest)).size;
  const containers = await listContainers(store);
  const isContainer = new Set(containers.map(({ key }) => key));
  const mounted = mountedKeys(store);
  const others = store.snapshots.all()
    .filter(({ scope, key, cacheId }) =>
      cacheId !== null && !(scope === "" && isContainer.has(key))
    );
  const idle = (type: UsageType) => ({ total: of(type).length, active: 0 });
  return {
    images: {
      total: digests(images),
      active: digests(images.filter(({ name }) => !unused.has(name))),
    },
    containers: {
      total: containers.length,
      active: containers.filter(({ status }) => status !== "exited").length,
    },
    snapshots: {
      total: others.length,
      active: others.filter(({ key }) => mounted.has(key)).length,
    },
    caches: {
      total: caches.length,
      active: caches.filter(({ path }) => inUse(path)).length,
    },
    parts: await countParts(store),
    trash: idle("trash"),
    lost: idle("lost"),
    store: { total: 0, active: 0 },
  };
}
