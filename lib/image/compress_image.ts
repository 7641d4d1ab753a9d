import { compressInPool } from "../layer_job/internal.ts";
import {
  compressionOf,
  type Descriptor,
  encodeManifest,
  mediaTypeInfo,
  parseDocument,
} from "../oci/mod.ts";
import { createPool, type Pool } from "../pool/mod.ts";
import {
  findImage,
  type Holding,
  type ImageArgument,
  type ImageRecord,
  type Ingest,
  type Store,
} from "../store/mod.ts";

/** Options of {@linkcode compressImage}. */
export interface CompressImageOptions {
  /** Runs the compression jobs. When absent, the function makes a pool and disposes it afterwards. */
  readonly pool?: Pool | undefined;
  /** Compression of the new blobs. */
  readonly format: "gzip" | "zstd";
  /** Level of the compression: for gzip 0 to 9, default 6; for zstd 1 to 19, default 3. */
  readonly level?: number | undefined;
  /** Aborts the compression. The store stays as it was. */
  readonly signal?: AbortSignal | undefined;
  /** Keeps the image, the new blobs and the new manifest from gc. No image name keeps the new ones. */
  readonly holding?: Holding | undefined;
  /** Called often, with the layer that is being compressed and the number of its uncompressed bytes read so far. */
  readonly onProgress?: ((layer: Descriptor, read: number) => void) | undefined;
}

/**
 * Compresses the uncompressed layers of an image, such as those of a commit, and adds the new blobs and manifest to the
 * store. The same layers give the same bytes with any number of workers, and so the same manifest.
 *
 * @returns the image with the new manifest as its target. No name in the store changes. An index is returned unchanged,
 *   and so is an image whose layers are all compressed already
 */
export async function compressImage(
  store: Store,
  image: ImageArgument,
  options: CompressImageOptions,
): Promise<ImageRecord> {
  const record = await findImage(store, image);
  const manifest = parseDocument(await store.blobs.read(record.target.digest), {
    mediaType: record.target.mediaType,
  });
  if (manifest.kind === "index") return record;
  if (manifest.layers.every(({ mediaType }) => compressionOf(mediaType) !== "none")) return record;
  await using owned = new AsyncDisposableStack();
  const pool = options.pool ?? owned.use(createPool());
  await using ingest = await store.ingest();
  const { config } = manifest;
  await (options.holding ?? ingest).hold(
    [record.target, config, ...manifest.layers].map(({ digest }) => digest),
  );
  const layers: Descriptor[] = [];
  for (const layer of manifest.layers) {
    layers.push(await compressLayer(store, ingest, layer, { ...options, pool }));
  }
  const { mediaType } = manifest;
  const target = await ingest.blob(encodeManifest({ ...manifest, layers }), mediaType);
  const parts = [target, config, ...layers];
  await options.holding?.hold(parts.map(({ digest }) => digest));
  await ingest.commit();
  return { ...record, target };
}

async function compressLayer(
  store: Store,
  ingest: Ingest,
  layer: Descriptor,
  { pool, format, level, signal, onProgress }: CompressImageOptions & { readonly pool: Pool },
): Promise<Descriptor> {
  if (compressionOf(layer.mediaType) !== "none") return layer;
  const cancel = { signal };
  const plain = counted(await store.blobs.open(layer.digest, cancel), (read) => {
    onProgress?.(layer, read);
  });
  const separator = mediaTypeInfo(layer.mediaType)?.family === "docker" ? "." : "+";
  const { digest, size, mediaType } = await ingest.blobStream(
    compressInPool(pool, plain, { format, level, ...cancel }),
    `${layer.mediaType}${separator}${format}`,
  );
  return { ...layer, digest, size, mediaType };
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  onProgress: (read: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let read = 0;
  for await (const chunk of bytes) {
    yield chunk;
    read += chunk.length;
    onProgress(read);
  }
}
