import { CONTAINER_LABELS } from "../../container/internal.ts";
import { type ContainerInfo, listContainers } from "../../container/mod.ts";
import { isDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { isSupported } from "../../linux/mod.ts";
import { gcKnowledge, snapshotOfLease } from "../../snapshot/internal.ts";
import { IMAGE_MANIFEST_LABEL, liveMounts, MOUNT_LABEL } from "../../snapshot/mod.ts";
import { NAMELESS, namelessImage, reachedFrom } from "../../store/internal.ts";
import {
  type DiskStore,
  hostPlatform,
  type ImageRecord,
  type Lease,
  readImage,
} from "../../store/mod.ts";
import { type Filtered, passes, type PruneFilter } from "./filter.ts";

/** The containers that have ended and are not mounted, and that a filter lets through. */
export async function endedContainers(
  store: DiskStore,
  filter: PruneFilter = {},
): Promise<ContainerInfo[]> {
  const mounted = mountedKeys(store);
  return (await listContainers(store)).filter(({ key, status, created }) => {
    if (status !== "exited" || mounted.has(key)) return false;
    const labels = store.snapshots.read((table) => table.get(key))?.labels ?? {};
    return passes(filter, { createdAt: created, labels });
  });
}

/** Keys of the snapshots that are mounted. Without system calls nobody knows what is mounted: all that were. */
export function mountedKeys(store: DiskStore): Set<string> {
  const leases = isSupported()
    ? [...liveMounts(store).values()]
    : store.leases.list().filter(({ labels }) => labels[MOUNT_LABEL] !== undefined);
  return new Set(leases.map(snapshotOfLease));
}

/**
 * The images that no container, mount or lease uses. Images that a snapshot was made for count as used, too.
 *
 * @param which all images, or only those without a name
 * @param without keys of snapshots that count as removed
 */
export function unusedImages(
  store: DiskStore,
  which: "all" | "nameless",
  without: ReadonlySet<string> = new Set(),
): ImageRecord[] {
  const names = new Set<string>(), manifests = new Set<string>();
  for (const { key, kind, labels } of store.snapshots.read((table) => table.list())) {
    if (kind !== "active" || without.has(key)) continue;
    names.add(labels[CONTAINER_LABELS.image] ?? "");
    manifests.add(labels[IMAGE_MANIFEST_LABEL] ?? "");
  }
  const isLive = gcKnowledge(store).isLive ?? ((_: Lease) => true);
  for (const lease of store.leases.list().filter(isLive)) {
    for (const resource of lease.resources) {
      if (resource.startsWith("image:")) names.add(resource.slice("image:".length));
    }
  }
  const wanted = [...manifests].filter(isDigest);
  // Several names of an image reach the same.
  const used = new Map<string, boolean>();
  return store.images.list().filter(({ name, target: { digest } }) => {
    if (which === "nameless" && !name.startsWith(NAMELESS)) return false;
    if (names.has(name) || names.has(namelessImage(digest))) return false;
    if (!used.has(digest)) {
      const marks = wanted.length === 0 ? undefined : reachedFrom(store, `image:${name}`);
      used.set(digest, wanted.some((one) => marks?.keeps(`blob:${one}`)));
    }
    return used.get(digest) === false;
  });
}
/** The images that a filter lets through. One that cannot be read has no labels, and the time when it was named. */
export async function filterImages(
  store: DiskStore,
  images: readonly ImageRecord[],
  filter: PruneFilter,
): Promise<ImageRecord[]> {
  const { until, labels, notLabels } = filter;
  if (until === undefined && labels === undefined && notLabels === undefined) return [...images];
  const found: ImageRecord[] = [];
  for (const image of images) {
    if (passes(filter, await factsOf(store, image))) found.push(image);
  }
  return found;
}

async function factsOf(store: DiskStore, record: ImageRecord): Promise<Filtered> {
  try {
    const { config } = await readImage(store, record, { host: hostPlatform() });
    const created = Date.parse(config.created ?? "");
    return {
      createdAt: Number.isNaN(created) ? record.createdAt : created,
      labels: config.config.labels ?? {},
    };
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    return { createdAt: record.createdAt, labels: {} };
  }
}
