import { VarveError } from "../../errors.ts";
import { type Descriptor, type Index, parseDocument } from "../../oci/mod.ts";
import {
  documentLimits,
  findImage,
  type ImageArgument,
  type ImageRecord,
  type Store,
} from "../../store/mod.ts";

/** An index of a store. */
export interface StoredIndex {
  /** The row by which it was found. Its target is the index. */
  readonly record: ImageRecord;
  /** The index. */
  readonly index: Index;
  /** What the index names, in its order. */
  readonly entries: readonly StoredIndexEntry[];
}

/** What an index of a store names. */
export interface StoredIndexEntry {
  /** Descriptor of a manifest, or of an inner index. */
  readonly descriptor: Descriptor;
  /** Whether the store holds it. A store may hold only some platforms of an index. */
  readonly isPresent: boolean;
}

/**
 * Reads an index of a store.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PRECONDITION` it is an image for one platform, and no index ·
 * `E_DAMAGE`, `E_SIZE`, `E_DIGEST` the store is damaged
 *
 * @example
 * ```ts
 * import { createIndex, importImage, openMemoryStore, readIndex } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * const tar = new Blob([new Uint8Array(1024)]).stream();
 * await importImage(store, tar, { name: "app:amd64" });
 * await createIndex(store, ["app:amd64"], { name: "app:1" });
 * const { entries } = await readIndex(store, "app:1");
 * if (entries[0]?.isPresent !== true) throw new Error("the store holds it");
 * ```
 */
export async function readIndex(store: Store, image: ImageArgument): Promise<StoredIndex> {
  return await readIndexOf(store, await findImage(store, image));
}

/** Reads the index that is the target of a row. @throws {VarveError} as {@linkcode readIndex} */
export async function readIndexOf(store: Store, record: ImageRecord): Promise<StoredIndex> {
  const limits = documentLimits(store);
  const { digest, mediaType } = record.target;
  const bytes = await store.blobs.read(digest, Math.max(limits.manifest, limits.index));
  const index = parseDocument(bytes, { mediaType, limits });
  if (index.kind === "index") return storedIndex(store, record, index);
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot use ${record.name} as an index: it is an image for one platform`,
    { subject: record.name, hint: "make an index of images" },
  );
}

/** An index with its row, and what the store holds of it. */
export function storedIndex(store: Store, record: ImageRecord, index: Index): StoredIndex {
  const entries = index.manifests.map((descriptor) => ({
    descriptor,
    isPresent: store.blobs.stat(descriptor.digest) !== undefined,
  }));
  return { record, index, entries };
}
