import type { Lease, StoredImage } from "../store/mod.ts";

const SNAPSHOT = "snapshot:";

/** What the lease of a mount or a run protects from gc: the snapshot, its image and the image's chain. */
export function leaseResources(key: string, image: StoredImage): string[] {
  const resources = [`${SNAPSHOT}${key}`, `image:${image.record.name}`];
  if (image.chainId !== null) resources.push(`chain:${image.chainId}`);
  return resources;
}

/** Key of the snapshot that a lease protects. If the lease names no snapshot, its id is the key. */
export function snapshotOfLease({ id, resources }: Lease): string {
  return resources.find((resource) => resource.startsWith(SNAPSHOT))?.slice(SNAPSHOT.length) ?? id;
}
