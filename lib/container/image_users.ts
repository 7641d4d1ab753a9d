import { IMAGE_MANIFEST_LABEL } from "../snapshot/mod.ts";
import { namelessImage } from "../store/internal.ts";
import type { ImageRecord, Store } from "../store/mod.ts";
import { CONTAINER_LABELS } from "./container_records.ts";

/** A kept container, and the name of the image that it needs to run again. */
export interface ImageUser {
  /** Name of the image. */
  readonly name: string;
  /** Key of the container's snapshot. */
  readonly key: string;
}

/**
 * Finds the containers that could not run again if some image names were removed. A container needs the
 * image name that it was started with if that name may still point to the same image, and no name outside
 * `names` points to that image. A container that was started while its image had no name needs any of the
 * names that the image has got since.
 *
 * @param names names of images of the store
 */
export function imageUsers(store: Store, names: readonly string[]): ImageUser[] {
  const removed = new Set(names);
  const records = store.images.list();
  const byName = new Map(records.map((record) => [record.name, record]));
  const named = new Map(records.map((record) => [namelessImage(record.target.digest), record]));
  const kept = new Set(
    records.filter(({ name }) => !removed.has(name)).map(({ target }) => target.digest as string),
  );
  const out: ImageUser[] = [];
  for (const { kind, key, labels } of store.snapshots.read((table) => table.list())) {
    const name = labels[CONTAINER_LABELS.image];
    if (kind !== "active" || name === undefined) continue;
    // The row `<none>@<digest>` is removed when the image gets a name.
    const record = byName.get(name) ?? named.get(name);
    if (record === undefined || !removed.has(record.name)) continue;
    if (kept.has(record.target.digest)) continue;
    if (mayBe(record, labels[IMAGE_MANIFEST_LABEL])) out.push({ name: record.name, key });
  }
  return out;
}

/** Whether a name may point to a manifest: its target is that manifest, or an index, which may list it. */
function mayBe({ target }: ImageRecord, manifest: string | undefined): boolean {
  return manifest === undefined || target.digest === manifest ||
    /index|list/.test(target.mediaType);
}
