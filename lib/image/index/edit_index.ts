import { VarveError } from "../../errors.ts";
import {
  checkOciLimit,
  encodeIndex,
  type IndexFields,
  indexMediaType,
  isAttachment,
  MEDIA_TYPES,
  mergedEntries,
  parseIndex,
  type Platform,
  withoutEntries,
} from "../../oci/mod.ts";
import {
  documentLimits,
  type ImageArgument,
  type Ingest,
  type NameOptions,
  type Store,
} from "../../store/mod.ts";
import { newName } from "../new_image.ts";
import { type AddedImages, addedImages, type AddToIndexOptions } from "./added_images.ts";
import { entriesNamed } from "./entries_named.ts";
import { refuseArtifact } from "./index_members.ts";
import { readIndexOf, type StoredIndex, storedIndex } from "./stored_index.ts";

/** Options of {@linkcode createIndex}. */
export interface CreateIndexOptions extends AddToIndexOptions {
  /** Name of the new index. An image that has this name already loses the name. */
  readonly name: string;
}

/**
 * Makes an OCI index of images that are in the store (as `docker manifest create` and `crane index append`). The same
 * images in the same order give the same bytes.
 *
 * An image that is an index itself adds its own manifests, with their platforms and annotations, and those of its inner
 * indexes; what the store does not hold of it is left out, with a warning. Attestations go along with the images that
 * they are about. What is named twice is there once. Several images for one platform are allowed, with a warning:
 * most clients take the first.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PLATFORM` an image has nothing for the platforms, or no image is
 * for one of them · `E_NOT_IMAGE` an artifact · `E_USAGE` a malformed name, or a platform for several images ·
 * `E_LIMIT` the index is too large · `E_DAMAGE`, `E_SIZE`, `E_DIGEST` the store is damaged
 * @throws {RangeError} no image is given
 *
 * @example
 * ```ts
 * import { createIndex, importImage, openMemoryStore } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * for (const architecture of ["amd64", "arm64"]) {
 *   const tar = new Blob([new Uint8Array(1024)]).stream();
 *   const platform = { os: "linux", architecture };
 *   await importImage(store, tar, { name: `app:${architecture}`, platform });
 * }
 * const { index } = await createIndex(store, ["app:amd64", "app:arm64"], { name: "app:1" });
 * if (index.manifests[1]?.platform?.architecture !== "arm64") throw new Error("it is second");
 * ```
 */
export async function createIndex(
  store: Store,
  images: readonly ImageArgument[],
  options: CreateIndexOptions,
): Promise<StoredIndex> {
  if (images.length === 0) throw new RangeError("Cannot create an index: give at least one image");
  const name = newName(options.name);
  await using ingest = await store.ingest();
  const added = await addedImages(store, ingest, images, options);
  const manifests = added.withDescriptors(mergedEntries([], added.entries));
  return await commitIndex(store, ingest, { name, options: {} }, {
    fields: { mediaType: MEDIA_TYPES.index, manifests, annotations: options.annotations },
    added,
  }, options);
}

/**
 * Adds images to an index of the store, as {@linkcode createIndex} takes them (as `crane index append` and `docker
 * manifest annotate`). An image that is in the index already stays where it is, and gets the annotations and the
 * platform of the options.
 *
 * The name means the new index, and no longer the old one. A change that another process makes at the same time is not
 * lost.
 *
 * @param index name of the index
 * @throws {VarveError} as {@linkcode createIndex} · `E_PRECONDITION` the name is not that of an index · `E_BUSY` others
 * change it all the time
 *
 * @example
 * ```ts
 * import { addToIndex, createIndex, importImage, openMemoryStore } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * for (const architecture of ["amd64", "arm64"]) {
 *   const tar = new Blob([new Uint8Array(1024)]).stream();
 *   const platform = { os: "linux", architecture };
 *   await importImage(store, tar, { name: `app:${architecture}`, platform });
 * }
 * await createIndex(store, ["app:amd64"], { name: "app:1" });
 * const { entries } = await addToIndex(store, "app:1", ["app:arm64"]);
 * if (entries.length !== 2) throw new Error("both are in it");
 * ```
 */
export async function addToIndex(
  store: Store,
  index: string,
  images: readonly ImageArgument[],
  options: AddToIndexOptions = {},
): Promise<StoredIndex> {
  return await changeIndex(store, index, options, async ({ index }, ingest) => {
    const added = await addedImages(store, ingest, images, options);
    const manifests = added.withDescriptors(mergedEntries(index.manifests, added.entries));
    const annotations = { ...index.annotations, ...options.annotations };
    return { fields: { ...index, manifests, annotations }, added };
  });
}

/**
 * Removes manifests from an index of the store, with the attestations that are about them (as `regctl index delete`).
 * What nothing else needs is removed by the next garbage collection.
 *
 * @param index name of the index
 * @param removed digests, or unique prefixes of them, and platforms. A platform removes all manifests for it
 * @throws {VarveError} `E_NOT_FOUND` no such image, or the index has no such manifest · `E_PRECONDITION` the name is not
 * that of an index, or nothing would be left · `E_USAGE` several manifests begin with a prefix · `E_BUSY` others change
 * it all the time · `E_DAMAGE`, `E_SIZE`, `E_DIGEST` the store is damaged
 *
 * @example
 * ```ts
 * import { createIndex, importImage, openMemoryStore, removeFromIndex } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * for (const architecture of ["amd64", "arm64"]) {
 *   const tar = new Blob([new Uint8Array(1024)]).stream();
 *   const platform = { os: "linux", architecture };
 *   await importImage(store, tar, { name: `app:${architecture}`, platform });
 * }
 * await createIndex(store, ["app:amd64", "app:arm64"], { name: "app:1" });
 * const arm = { os: "linux", architecture: "arm64" };
 * const { entries } = await removeFromIndex(store, "app:1", [arm]);
 * if (entries.length !== 1) throw new Error("amd64 is left");
 * ```
 */
export async function removeFromIndex(
  store: Store,
  index: string,
  removed: readonly (string | Platform)[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<StoredIndex> {
  return await changeIndex(store, index, options, ({ index, record: { name } }) => {
    const manifests = withoutEntries(index.manifests, entriesNamed(index, name, removed));
    if (manifests.some((entry) => !isAttachment(entry))) {
      return Promise.resolve({ fields: { ...index, manifests } });
    }
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot remove all manifests of ${name}: an index needs one`,
      { subject: name, hint: `remove the name ${name}` },
    );
  });
}

/** A new index, and what it was made of. */
interface Change {
  readonly fields: IndexFields;
  readonly added?: AddedImages | undefined;
}

/** How often a change begins again because others changed the index meanwhile. One of them succeeds each time. */
const TRIES = 100;

/** Changes the index of a name. If another process moves the name meanwhile, it begins again. */
async function changeIndex(
  store: Store,
  index: string,
  options: AddToIndexOptions,
  change: (before: StoredIndex, ingest: Ingest) => Promise<Change>,
): Promise<StoredIndex> {
  const name = newName(index);
  for (let tries = 1;; tries++) {
    options.signal?.throwIfAborted();
    const record = store.images.get(name);
    if (record === undefined) throw noIndex(name);
    try {
      await using ingest = await store.ingest();
      const before = await readIndexOf(store, record);
      refuseArtifact(before.index.artifactType);
      const changed = await change(before, ingest);
      const { digest } = record.target;
      const place = { name, options: { previous: digest, replaces: true } };
      return await commitIndex(store, ingest, place, changed, options);
    } catch (error) {
      // The old index can be gone by now, so it is not always E_BUSY.
      const isMoved = store.images.get(name)?.target.digest !== record.target.digest;
      if (!isMoved || tries === TRIES || !(error instanceof VarveError)) throw error;
    }
  }
}

function noIndex(name: string): VarveError {
  return new VarveError("E_NOT_FOUND", `Cannot find index ${JSON.stringify(name)}: there is none`, {
    subject: name,
    hint: "make an index of images",
  });
}

/** Makes an index visible under a name. It is read again under the limits of the store before. */
async function commitIndex(
  store: Store,
  ingest: Ingest,
  { name, options }: { readonly name: string; readonly options: NameOptions },
  { fields, added }: Change,
  { signal, onWarning }: AddToIndexOptions,
): Promise<StoredIndex> {
  const { manifests, annotations = {}, mediaType = MEDIA_TYPES.index } = fields;
  const limits = documentLimits(store);
  checkOciLimit("manifests", limits.manifests, manifests.length);
  const type = indexMediaType({ mediaType, manifests, annotations });
  const bytes = encodeIndex({ ...fields, mediaType: type });
  checkOciLimit("index", limits.index, bytes.length);
  const index = parseIndex(bytes, { limits });
  const target = await ingest.blob(bytes, type);
  ingest.image(name, target, options);
  signal?.throwIfAborted();
  const { images: [record] } = await ingest.commit();
  if (record === undefined) throw new Error("a commit of a name gave no row");
  for (const message of added?.warnings(name, manifests) ?? []) onWarning?.(message);
  return storedIndex(store, record, index);
}
