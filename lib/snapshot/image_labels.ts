import type { DiffId, Digest } from "../digest/mod.ts";
import type { VarveError } from "../errors.ts";
import { IMAGE_MANIFEST_LABEL, namelessImage } from "../store/internal.ts";
import {
  type ImageRecord,
  readImage,
  readPlatforms,
  type SnapshotRow,
  type Store,
  type StoredImage,
} from "../store/mod.ts";

/** Label of a snapshot: name of the image that it was made for. */
export const IMAGE_NAME_LABEL = "varve.image.name";
export { IMAGE_MANIFEST_LABEL };

/** Labels for a snapshot that is made for an image: they name the image and its manifest. */
export function imageLabels(image: StoredImage): Record<string, string> {
  return {
    [IMAGE_NAME_LABEL]: image.record.name,
    [IMAGE_MANIFEST_LABEL]: image.descriptor.digest,
  };
}

/**
 * Finds the image below a snapshot: the image that the labels of the snapshot name, else any image with the same
 * layers, rather one with a name than one that lost its name. Without layers there may be none.
 *
 * @param diffIds the layers below the snapshot, lowest first
 * @throws {VarveError} as `labelledImage`; as `readImage` when no image is found, and one that cannot be read may be it
 */
export async function parentImage(
  store: Store,
  row: SnapshotRow,
  diffIds: readonly DiffId[],
): Promise<StoredImage | undefined> {
  const labelled = await labelledImage(store, row);
  if (labelled !== undefined && hasLayers(labelled, diffIds)) return labelled;
  const isNamed = ({ name, target }: ImageRecord) => name !== namelessImage(target.digest);
  const all = store.images.list();
  const unreadable: VarveError[] = [];
  for (const record of [...all.filter(isNamed), ...all.filter((record) => !isNamed(record))]) {
    const images = await readPlatforms(store, record, (error) => unreadable.push(error));
    const image = images.find((one) => hasLayers(one, diffIds));
    if (image !== undefined) return image;
  }
  const [first] = unreadable;
  if (first !== undefined && diffIds.length > 0) throw first;
  return undefined;
}

/**
 * The image that the labels of a snapshot name; `undefined` when they name none, or the store has it no more.
 *
 * @throws {VarveError} as `readImage`: it cannot be read
 */
export async function labelledImage(
  store: Store,
  row: SnapshotRow,
): Promise<StoredImage | undefined> {
  const record = labelledRecord(store, row);
  return record === undefined ? undefined : await readImage(store, record);
}

/**
 * The image that the labels name. It is found by its manifest, because the name may be gone or point to another image.
 */
function labelledRecord(store: Store, { labels }: SnapshotRow): ImageRecord | undefined {
  const digest = labels[IMAGE_MANIFEST_LABEL] as Digest | undefined;
  const blob = digest === undefined ? undefined : store.blobs.stat(digest);
  if (blob === undefined) return undefined;
  const name = labels[IMAGE_NAME_LABEL] ?? namelessImage(blob.digest);
  return { name, target: blob, createdAt: 0, updatedAt: 0 };
}

function hasLayers({ layers }: StoredImage, diffIds: readonly DiffId[]): boolean {
  return layers.length === diffIds.length &&
    layers.every(({ diffId }, i) => diffId === diffIds[i]);
}
