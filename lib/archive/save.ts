import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  type ImagePlan,
  type PlannedDocument,
  planStored,
  storedBlobs,
} from "../image/internal.ts";
import { compressImage, type CompressImageOptions } from "../image/mod.ts";
import type { Descriptor, Platform } from "../oci/mod.ts";
import { disposeAtEnd } from "../store/internal.ts";
import {
  findImage,
  type Holding,
  type ImageRecord,
  narrowImage,
  readImage,
  type Store,
  type StoredImage,
} from "../store/mod.ts";
import type { ArchivedImages } from "./layout_files.ts";
import { layoutTar } from "./layout_tar.ts";
import { sendLayout } from "./send_layout.ts";
import { writeFile } from "./write_file.ts";

/** Options of {@linkcode saveImages}, {@linkcode saveToFile} and {@linkcode saveToDirectory}. */
export interface SaveOptions {
  /**
   * How to compress layers that are not compressed yet. When absent, they stay uncompressed. An index is saved
   * unchanged.
   */
  readonly compression?: CompressImageOptions | undefined;
  /** Called with each image that got a new manifest because its layers were compressed. */
  readonly onManifest?: ((image: ImageRecord) => void) | undefined;
  /**
   * Save only this platform of an index, as a separate image. When absent, the platform that is recorded for the name
   * of the index. If no platform is recorded, the index is saved as a whole.
   */
  readonly platform?: Platform | undefined;
  /**
   * Docker's manifest.json can describe only one platform of an index. It describes this one, if the store has it.
   * Default: the platform of this machine.
   */
  readonly host?: Platform | undefined;
  /** Aborts the save. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes written so far, and the total. */
  readonly onProgress?: ((written: number, total: number) => void) | undefined;
  /**
   * Called when `saveToDirectory` has waited for two seconds for another process that writes to the same layout: `process
   * 71 (varve save app:1) writes to ./layout`. The wait goes on.
   */
  readonly onWait?: ((message: string) => void) | undefined;
}

/**
 * Saves images as one tar that docker, podman, skopeo, containerd and varve can load: it is both an OCI layout and a
 * docker-archive. The same images give the same bytes on any machine. Every blob is verified while it is read.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PRECONDITION` a part of it is not in the store; in the
 * stream: `E_DIGEST`, `E_SIZE` damage
 *
 * @example
 * ```ts ignore
 * const tar = await saveImages(store, ["app:1"]);
 * await tar.pipeThrough(new CompressionStream("gzip")).pipeTo(response);
 * ```
 */
export async function saveImages(
  store: Store,
  references: readonly string[],
  options: SaveOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  await using stack = new AsyncDisposableStack();
  const { images, plan } = await planSave(store, references, options, stack);
  const tar = await layoutTar(images, options).send(plan, storedBlobs(store));
  return disposeAtEnd(tar, stack.move());
}

/**
 * Saves images into a tar file. The file appears complete, or not at all. A device or a FIFO is written directly.
 *
 * @throws {VarveError} as {@linkcode saveImages}; `E_NOT_FOUND` no such directory · `E_EXISTS` the path is a
 *   directory or a symbolic link
 *
 * @example
 * ```ts
 * import { openMemoryStore, saveToFile, VarveError } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * const error = await saveToFile(store, ["app:1"], "app.tar").catch((error) => error);
 * if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
 * ```
 */
export async function saveToFile(
  store: Store,
  references: readonly string[],
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  const bytes = await saveImages(store, references, options);
  await writeFile(path, bytes, store.durability);
}

/**
 * Saves images as an OCI layout directory that also has Docker's manifest.json. The directory appears complete,
 * or not at all. To a directory that is an OCI layout already, or that another process makes one meanwhile, the images
 * are added: their names appear together, and replace the same names; all else stays.
 *
 * @throws {VarveError} as {@linkcode saveImages}; `E_EXISTS` the path is a file, a symbolic link, or a
 *   directory that is neither empty nor an OCI layout · `E_FORMAT`, `E_JSON` the layout is damaged
 *
 * @example
 * ```ts
 * import { openMemoryStore, saveToDirectory, VarveError } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * const error = await saveToDirectory(store, ["app:1"], "layout").catch((error) => error);
 * if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
 * ```
 */
export async function saveToDirectory(
  store: Store,
  references: readonly string[],
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { images, plan } = await planSave(store, references, options, stack);
  const { durability } = store;
  await sendLayout(images, path, { ...options, durability }, { plan, blobs: storedBlobs(store) });
}

/** What to save: the images by name, and all of their parts, each once. */
interface Save {
  readonly images: ArchivedImages;
  readonly plan: ImagePlan;
}

/** Plans a save. `stack` gets what must stay open until all is written. */
async function planSave(
  store: Store,
  references: readonly string[],
  options: SaveOptions,
  stack: AsyncDisposableStack,
): Promise<Save> {
  // No name keeps what is compressed for the save. Until the end, this does.
  const holding = options.compression === undefined ? undefined : stack.use(await store.ingest());
  const resolved = await resolve(store, references, options, holding);
  const records = [...new Map(resolved.map((record) => [record.name, record])).values()]
    .sort((a, b) => a.name < b.name ? -1 : 1);
  const documents = new Map<Digest, PlannedDocument>();
  const blobs = new Map<Digest, Descriptor>();
  const images: StoredImage[] = [];
  for (const record of records) {
    const plan = await planStored(store, record, { absent: (part) => absent(record, part) });
    for (const one of plan.documents) documents.set(one.digest, one);
    for (const blob of plan.blobs) blobs.set(blob.digest, blob);
    images.push(await readImage(store, record, { host: options.host }));
  }
  const plan = { documents: [...documents.values()], blobs: [...blobs.values()] };
  return { images: { records, images }, plan };
}

function absent(record: ImageRecord, { mediaType, digest }: Descriptor): VarveError {
  return new VarveError(
    "E_PRECONDITION",
    `Cannot save ${record.name}: ${mediaType} ${digest} is not in the store`,
    {
      subject: record.name,
      expected: digest,
      hint: "save only one of its platforms, or load all of them first",
    },
  );
}

async function resolve(
  store: Store,
  references: readonly string[],
  { compression, onManifest, platform }: SaveOptions,
  holding: Holding | undefined,
): Promise<ImageRecord[]> {
  if (references.length === 0) {
    throw new VarveError("E_USAGE", "Cannot save images: no image is named");
  }
  const records: ImageRecord[] = [];
  for (const reference of references) {
    const found = await findImage(store, reference);
    const record = await narrowImage(store, found, platform);
    if (compression === undefined) {
      records.push(record);
      continue;
    }
    const compressed = await compressImage(store, record, { ...compression, holding });
    if (compressed !== record) onManifest?.(compressed);
    records.push(compressed);
  }
  return records;
}
