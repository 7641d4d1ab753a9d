import { IMAGE_MANIFEST_LABEL } from "../snapshot/mod.ts";
import { namelessImage } from "../store/internal.ts";
import type { ImageRecord, SnapshotRow, Store } from "../store/mod.ts";
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
  const found = new Map<string, ImageRecord>();
  for (const name of [...new Set(names)].sort()) {
    const record = store.images.get(name);
    if (record === undefined) continue;
    // The row `<none>@<digest>` is removed when the image gets a name.
    const nameless = namelessImage(record.target.digest);
    const given = store.images.get(nameless) === undefined ? [name, nameless] : [name];
    for (const { kind, key, labels } of startedBy(store, given)) {
      if (kind === "active" && mayBe(record, labels[IMAGE_MANIFEST_LABEL])) found.set(key, record);
    }
  }
  if (found.size === 0) return [];
  const removed = new Set(names);
  const kept = new Set(
    store.images.list().filter(({ name }) => !removed.has(name)).map(({ target }) => target.digest),
  );
  return [...found].filter(([, { target }]) => !kept.has(target.digest))
    .map(([key, { name }]) => ({ name, key })).sort((a, b) => a.key < b.key ? -1 : 1);
}

/** The snapshots of containers that were started by one of some image names. */
function startedBy(store: Store, names: readonly string[]): SnapshotRow[] {
  return store.snapshots.read((table) =>
    names.flatMap((name) => table.byLabel(CONTAINER_LABELS.image, name))
  );
}

/** Whether a name may point to a manifest: its target is that manifest, or an index, which may list it. */
function mayBe({ target }: ImageRecord, manifest: string | undefined): boolean {
  return manifest === undefined || target.digest === manifest ||
    /index|list/.test(target.mediaType);
}
